import { rmSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { forwardBackwardBytes, makeFolder, startServer, WireClient } from './wire-client.ts';

it('exports what a session did as a trace for Perfetto, by a signed URL good for an hour (RST-18)', async () => {
  const clock = new ManualClock();
  await using running = await startServer({ clock, apiKey: 'tml-key' });
  const client = new WireClient(running.server.url, { 'x-api-key': 'tml-key' });
  const model_id = await client.createModel();
  const session_id = model_id.split(':')[0] ?? '';
  const pass = await client.post('forward_backward', forwardBackwardBytes(model_id, 1));
  await client.outcome(pass.json.request_id);
  await client.createModel();
  expect((await client.get('sessions/nobody/trace_export')).status).toBe(404);
  const { json } = await client.get(`sessions/${session_id}/trace_export`);
  expect(json).toEqual({ status: 'ready', url: expect.stringContaining(`/traces/${session_id}.pftrace?`) });
  const file = await running.client.send('GET', json.url);
  expect([file.status, file.headers.get('content-length')]).toEqual([200, String(file.bytes.length)]);
  const begins = file.json.traceEvents.filter((event: { ph: string }) => event.ph === 'b');
  const names = begins.map((event: { cat: string; name: string }) => `${event.cat} ${event.name}`);
  // The request for the trace itself may not have ended yet.
  expect(names.filter((name: string) => !name.endsWith('trace_export')).toSorted()).toEqual([
    'engine createModel',
    'engine forwardBackward',
    'request create_model',
    'request forward_backward',
    'request retrieve_future',
    'request retrieve_future',
  ]);
  const submitted = begins.find((event: { name: string }) => event.name === 'forward_backward');
  expect(submitted.args).toMatchObject({ model_id, seq_id: 1, status: 200 });
  for (const { id, ts } of begins) {
    const end = file.json.traceEvents.find(
      (event: { ph: string; id: number }) => event.ph === 'e' && event.id === id,
    );
    expect(end.ts).toBeGreaterThanOrEqual(ts);
  }
  expect((await running.client.send('GET', json.url.replace(/signature=./, 'signature=x'))).status).toBe(403);
  clock.advance(60 * 60_000);
  expect((await running.client.send('GET', json.url)).status).toBe(403);
});

it('says that a trace was lost with the server that had recorded it', async () => {
  const dataDir = makeFolder();
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const before = await startServer({ dataDir });
  const session_id = await before.client.createSession();
  await before[Symbol.asyncDispose]();
  await using after = await startServer({ dataDir });
  const lost = await after.client.get(`sessions/${session_id}/trace_export`);
  expect(lost.json).toEqual({
    status: 'failed',
    error: expect.stringContaining('lost when the server restarted'),
  });
});
