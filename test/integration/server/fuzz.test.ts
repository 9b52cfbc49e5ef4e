import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { spoilt, type Spoilt } from './fuzz-requests.ts';
import { targets } from './fuzz-targets.ts';
import { forwardBackwardBytes, startServer, type TestServer, type WireClient } from './wire-client.ts';

/** For each target: few, so that the suite stays quick. With 500 none of 30,000 was answered with a 5xx. */
const runCount = 20;
const agent = new Agent({ keepAlive: true });
const statuses = new Map<number, number>();
let running: TestServer;
let client: WireClient;
let ids: Record<string, string>;

beforeAll(async () => {
  running = await startServer({ holdMs: 20, gapTimeoutMs: 50, maxModels: 10 });
  client = running.client;
  const session = await client.createSession();
  const run = await client.createModel({ sessionId: session });
  await client.run('save_weights', { model_id: run, seq_id: 1, path: 'w' });
  await client.run('save_weights_external', { model_id: run, seq_id: 2, path: 'e' });
  const body = { session_id: session, sampling_session_seq_id: 0, base_model: 'local/random' };
  const sampler = (await client.post('create_sampling_session', body)).json.sampling_session_id;
  const step = await client.post('optim_step', { model_id: run, seq_id: 3, adam_params: {} });
  ids = { session, run, sampler, future: step.json.request_id, path: `tinker://${run}/weights/w` };
});
afterAll(async () => {
  agent.destroy();
  await running[Symbol.asyncDispose]();
  const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
  const byStatus = [...statuses].toSorted(([one], [other]) => one - other);
  const answers = byStatus.map(([status, count]) => `${status}: ${count}`).join(', ');
  process.stdout.write(`${total} strange requests to ${targets.length + 1} targets; answers: ${answers}\n`);
});

async function send(
  method: string,
  { path, body, headers }: Spoilt,
): Promise<{ status: number; text: string; type: string; length: string | undefined }> {
  const outgoing = request(running.server.url, {
    method,
    path,
    agent,
    headers: body === undefined ? headers : { ...headers, 'content-length': body.length },
  });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  outgoing.end(body);
  const [response] = await answered;
  const text = (await buffer(response)).toString();
  const { 'content-type': type = '', 'content-length': length } = response.headers;
  return { status: response.statusCode ?? 0, text, type, length };
}

const fill = (text: string): string =>
  text.replace(/:(session|run|sampler|future|path)\b/g, (_all, name: string) => ids[name] ?? '');

/** What every answer is like, whatever was asked. */
async function check(method: string, spoiltRequest: Spoilt): Promise<void> {
  const { status, text, type, length } = await send(method, spoiltRequest);
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  expect(status, text).toBeLessThan(500);
  if (status >= 400 && status !== 408) {
    expect(type).toMatch(/^application\/json/);
    expect(JSON.parse(text).detail, text).toBeTruthy();
    expect(length).toBe(String(Buffer.byteLength(text)));
  }
  if (status !== 200 || !text.includes('request_id')) return;
  const { request_id } = JSON.parse(text);
  const outcome = typeof request_id === 'string' ? (await client.poll(request_id)).json : undefined;
  // An operation that fails on strange input does so for its own fault, not the server's.
  expect(outcome?.category, JSON.stringify(outcome)).not.toBe('server');
}

it.each(targets)('answers whatever is sent to $method $path, never with a 5xx', async (target) => {
  await fc.assert(
    fc.asyncProperty(spoilt(target, fill), (spoiltRequest) => check(target.method, spoiltRequest)),
    { numRuns: runCount },
  );
});

it('answers whatever protobuf is sent to forward_backward, never with a 5xx', async () => {
  const whole = forwardBackwardBytes(ids['run'] ?? '', 9);
  const damaged = fc
    .array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), { maxLength: 4 })
    .map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [index, value] of changes) bytes[index] = value;
      return bytes;
    });
  const cut = fc.nat({ max: whole.length }).map((length) => Buffer.from(whole.subarray(0, length)));
  const headers = { 'content-type': 'application/x-protobuf' };
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged, damaged, cut), (body) =>
      check('POST', { path: '/api/v1/forward_backward', body, headers }),
    ),
    { numRuns: 5 * runCount },
  );
});

it('lives on', async () => {
  expect((await client.get('healthz')).json).toEqual({ status: 'ok' });
  expect((await client.get('training_runs')).status).toBe(200);
});
