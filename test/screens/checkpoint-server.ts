import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const megabyte = 1024 * 1024;
const runId = 'qwen3-8b-math:train:0';

/** External weights by name: how large their largest file is, and how much of it arrives before `release`. */
const checkpoints: Readonly<Record<string, { size: number; share: number }>> = {
  'step-0100': { size: 6 * megabyte, share: 1 },
  'step-0200': { size: 7.5 * megabyte, share: 0.6 },
  'step-0300': { size: 5 * megabyte, share: 0.36 },
  'step-0400': { size: 7 * megabyte, share: 0.18 },
  'step-0500': { size: 4 * megabyte, share: 0.26 },
};

export const checkpointPaths = Object.keys(checkpoints).map(
  (name) => `tinker://${runId}/external_weights/${name}`,
);

export interface CheckpointServer extends AsyncDisposable {
  url: string;
  /** Sends the rest of every file, half a second apart. */
  release: () => void;
}

/** One tensor that fills the file. */
function safetensors(size: number): Buffer {
  const headerLength = 120;
  const length = size - headerLength - 8;
  const header = { weight: { dtype: 'U8', shape: [length], data_offsets: [0, length] } };
  const content = Buffer.alloc(size);
  content.writeBigUInt64LE(BigInt(headerLength));
  content.write(JSON.stringify(header).padEnd(headerLength), 8);
  return content;
}

/** Answers what a download asks, and sends files slowly up to the share that they stop at. */
export async function startCheckpointServer(): Promise<CheckpointServer> {
  const released = new AbortController();
  const release = (): void => released.abort();
  const send = async (name: string, response: ServerResponse): Promise<void> => {
    const { size, share } = checkpoints[name] ?? { size: 0, share: 0 };
    response.writeHead(200, { 'content-length': String(size), etag: `"${name}"` });
    const content = safetensors(size);
    const stop = Math.floor(size * share);
    const steps = 20;
    for (let step = 0; step < steps; step++) {
      response.write(
        content.subarray(Math.floor((stop * step) / steps), Math.floor((stop * (step + 1)) / steps)),
      );
      await wait(75);
    }
    // Byte by byte from here on, so that the rate and the amount go on being shown.
    let sent = stop;
    while (sent < size && !released.signal.aborted) {
      response.write(content.subarray(sent, ++sent));
      await wait(50);
    }
    // One after the other, so that they end in the same order each time.
    await wait(500 * Object.keys(checkpoints).indexOf(name));
    response.end(content.subarray(sent));
  };
  const server = createServer((request, response) => {
    request.resume();
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const [, name = ''] = /\/([\w-]+)\/(?:external_weights_urls|adapter_\w+\.\w+)$/.exec(pathname) ?? [];
    if (pathname.endsWith('/adapter_model.safetensors')) void send(name, response);
    else if (pathname.endsWith('/adapter_config.json')) response.end('{"peft_type": "LORA"}');
    else if (pathname.endsWith('/external_weights_urls')) {
      const files = ['adapter_config.json', 'adapter_model.safetensors'];
      const urls = Object.fromEntries(files.map((file) => [file, `${url}/files/${name}/${file}`]));
      const expires = new Date(Date.now() + 900_000).toISOString();
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ urls, expires }));
    } else response.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    release,
    async [Symbol.asyncDispose]() {
      release();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
