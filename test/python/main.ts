// Runs the official Python SDK against the local server: `npm run test:python`. Once against a server as it is, and once
// against one that asks for compressed requests and announces large results first. Needs python3 with venv and pip.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLocalServer, type LocalServer, type LocalServerOptions } from '../../src/server/index.ts';
import { officialPython } from './official-sdk.ts';

const script = fileURLToPath(new URL('official_sdk.py', import.meta.url));
const python = officialPython();

await run({}, () => undefined);
await run({ compressRequests: true, metadataOnlyBytes: 100 }, ({ requests }) => {
  const sent = requests.filter(({ route }) => route === '/api/v1/forward_backward');
  assert(
    sent.length > 0 && sent.every(({ headers }) => headers['content-encoding'] === 'zstd'),
    'every forward_backward is compressed',
  );
  const askedAgain = requests.filter(
    ({ body }) =>
      body instanceof Object && 'allow_metadata_only' in body && body.allow_metadata_only === false,
  );
  assert(askedAgain.length > 0, 'large results are asked for after they were announced');
  process.stdout.write(
    `compressed ${sent.length} requests; asked ${askedAgain.length} times for what was announced\n`,
  );
});

async function run(
  options: Partial<LocalServerOptions>,
  check: (server: LocalServer) => void,
): Promise<void> {
  if (process.exitCode) return;
  process.stdout.write(`server with ${JSON.stringify(options)}\n`);
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tinker-python-'));
  const server = await createLocalServer({ ...options, dataDir });
  try {
    const child = spawn(python, [script, dataDir], {
      stdio: 'inherit',
      env: {
        ...process.env,
        TINKER_BASE_URL: server.url,
        TINKER_API_KEY: 'tml-local',
        TINKER_TELEMETRY: '1',
        HF_ENDPOINT: server.url,
        HF_HOME: path.join(dataDir, 'hub-cache'),
      },
    });
    const [code] = await once(child, 'exit');
    if (code === 0) check(server);
    else process.exitCode = typeof code === 'number' ? code : 1;
  } finally {
    await server.close();
    await rm(dataDir, { recursive: true });
  }
}
