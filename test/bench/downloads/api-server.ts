// The API in front of the bench's file server, a process of its own: `node test/bench/downloads/api-server.ts FREE_URL
// LIMITED_URL`. Answers what a download asks with addresses there. Prints its URL; ends on SIGTERM.
import { createServer } from 'node:http';
import { controlAnswers } from '../recorded.ts';
import { materials, type MaterialName } from './catalogue.ts';

const [freeUrl = '', limitedUrl = ''] = process.argv.slice(2);
const lifetimeMs = 15 * 60_000;

interface Answer {
  status: number;
  headers?: Record<string, string>;
  json?: object;
}

function answer(path: string): Answer {
  const control = controlAnswers[path.replace('/api/v1', '')];
  if (control !== undefined) return { status: 200, json: control };
  const found = /^\/api\/v1\/training_runs\/bench:(\w+):(\w+):\d+\/checkpoints\/\w+\/final\/(\w+)$/.exec(
    path,
  );
  const [, material = '', pace = '', route = ''] = found ?? [];
  const expires = new Date(Date.now() + lifetimeMs);
  const filesUrl = pace === 'limited' ? limitedUrl : freeUrl;
  const sign = (file: string): string =>
    `${filesUrl}/${material}/${file}?expires=${expires.getTime()}&signature=bench`;
  const isArchive = material in materials && materials[material as MaterialName].kind === 'archive';
  if (route === 'archive' && isArchive) {
    return { status: 302, headers: { location: sign('archive.tar'), expires: expires.toUTCString() } };
  }
  if (route === 'external_weights_urls' && material in materials && !isArchive) {
    const names = Object.keys(materials[material as MaterialName].files);
    const urls = Object.fromEntries(names.map((name) => [name, sign(`files/${name}`)]));
    return { status: 200, json: { urls, expires: expires.toISOString() } };
  }
  if (path.endsWith('/finish')) return { status: 200, json: {} };
  return { status: 404, json: { detail: 'the bench has no such route' } };
}

const server = createServer((request, response) => {
  request.resume();
  const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const { status, headers, json } = answer(decodeURIComponent(pathname));
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(json === undefined ? undefined : JSON.stringify(json));
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
for (const end of ['SIGTERM', 'disconnect']) process.once(end, () => process.exit(0));
