// The server of the client's bench, a process of its own: answers what clients of the API ask with recorded bytes, at
// once, or holds each result for a while: `node test/bench/server.ts [--hold-ms N]`. Prints its URL; ends on SIGTERM.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { controlAnswers, jsonResults, largeOutput, sampleResponse, smallOutput } from './recorded.ts';

const { values } = parseArgs({ options: { 'hold-ms': { type: 'string', default: '0' } } });
const holdMs = Number(values['hold-ms']);

const prefix = '/api/v1';
const json = 'application/json';
const protobuf = 'application/x-protobuf';
let nextId = 1;

const controls = new Map(
  Object.entries(controlAnswers).map(([path, answer]) => [path, Buffer.from(JSON.stringify(answer))]),
);

const results = new Map<string, { body: Uint8Array; type: string }>([
  ['sample', { body: sampleResponse, type: protobuf }],
  ['train', { body: smallOutput, type: protobuf }],
  ...Object.entries(jsonResults).map(
    ([kind, answer]) => [kind, { body: Buffer.from(JSON.stringify(answer)), type: json }] as const,
  ),
]);

function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const path = request.url?.slice(prefix.length) ?? '';
  const control = controls.get(path);
  if (control !== undefined) {
    send(response, 200, json, control);
    return;
  }
  switch (path) {
    case '/asample': {
      const id = nextId++;
      send(response, 200, json, `{"request_id":"sample-${id}","sample_sequence_ids":["sequence-${id}"]}`);
      return;
    }
    case '/forward_backward':
      send(response, 200, json, `{"request_id":"train-${nextId++}"}`);
      return;
    case '/optim_step':
      send(response, 200, json, `{"request_id":"optim-${nextId++}"}`);
      return;
    case '/retrieve_future': {
      const kind = /"request_id": ?"([a-z]+)-/.exec(body)?.[1] ?? '';
      const result = results.get(kind);
      if (result === undefined) send(response, 404, json, '{"detail":"unknown request"}');
      else if (holdMs === 0) send(response, 200, result.type, result.body);
      else setTimeout(() => send(response, 200, result.type, result.body), holdMs);
      return;
    }
    case '/recorded/large-output':
      send(response, 200, protobuf, largeOutput);
      return;
    default:
      if (path.endsWith('/finish')) send(response, 200, json, '{}');
      else send(response, 404, json, '{"detail":"the bench has no such route"}');
  }
}

function send(response: ServerResponse, status: number, type: string, body: Uint8Array | string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const server = createServer((request, response) => {
  // Only the polls' bodies matter; the rest is read and dropped.
  const isPoll = request.url === `${prefix}/retrieve_future`;
  let body = '';
  request.on('data', (chunk: Buffer) => {
    if (isPoll) body += chunk.toString('latin1');
  });
  request.on('end', () => answer(request, response, body));
});
server.keepAliveTimeout = 600_000;
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
for (const end of ['SIGTERM', 'disconnect']) process.once(end, () => process.exit(0));
