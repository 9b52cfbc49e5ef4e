import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock, type Fault } from '../../../src/server/index.ts';
import { startServer, until, type TestServer, type WireClient } from './wire-client.ts';

const clock = new ManualClock();
let running: TestServer;
let client: WireClient;

beforeAll(async () => {
  running = await startServer({ clock });
  client = running.client;
});
afterEach(() => running.server.faults.clear());
afterAll(() => running[Symbol.asyncDispose]());

const sessionsFault = (effect: Fault['effect'], more: Partial<Fault> = {}): void =>
  running.server.faults.add({ route: '/api/v1/sessions', ...more, effect });

describe('a fault', () => {
  it('replies in place of the route, on the nth call and as many after it as it says', async () => {
    const effect = {
      kind: 'reply',
      status: 503,
      headers: { 'retry-after': '1' },
      body: { detail: 'busy' },
    } as const;
    sessionsFault(effect, { nth: 2, count: 2 });
    const answers = [];
    for (let call = 0; call < 4; call += 1) answers.push(await client.get('sessions'));
    expect(answers.map(({ status }) => status)).toEqual([200, 503, 503, 200]);
    expect(answers[1]?.json).toEqual({ detail: 'busy' });
    expect(answers[1]?.headers.get('retry-after')).toBe('1');
  });

  it('replies with an empty body when it has none', async () => {
    sessionsFault({ kind: 'reply', status: 400 });
    const answer = await client.get('sessions');
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-length')).toBe('0');
  });

  it('strikes only its method and route, which may be a path with its ids', async () => {
    sessionsFault({ kind: 'reply', status: 500 }, { route: '/api/v1/sessions/a', method: 'GET' });
    expect((await client.get('sessions/b')).status).toBe(404);
    expect((await client.send('DELETE', '/api/v1/sessions/a')).status).toBe(404);
    expect((await client.get('sessions/a')).status).toBe(500);
  });

  it('delays on the clock of the server and then lets the request go on', async () => {
    sessionsFault({ kind: 'delay', delayMs: 1000 });
    const timers = clock.pendingCount;
    const answer = client.get('sessions');
    await until(() => clock.pendingCount > timers);
    clock.advance(1000);
    expect((await answer).status).toBe(200);
  });

  it('lets go of what it delays when the server closes', async () => {
    const closing = await startServer({ clock });
    closing.server.faults.add({ route: '/api/v1/sessions', effect: { kind: 'delay', delayMs: 60_000 } });
    const timers = clock.pendingCount;
    const answer = expect(closing.client.get('sessions')).rejects.toThrow();
    await until(() => clock.pendingCount > timers);
    await closing[Symbol.asyncDispose]();
    await answer;
  });

  it('cuts the connection before the request is handled', async () => {
    running.server.faults.add({ route: '/api/v1/create_session', effect: { kind: 'cut' } });
    const before = (await client.get('sessions')).json;
    await expect(client.post('create_session', {})).rejects.toThrow();
    expect((await client.get('sessions')).json).toEqual(before);
  });

  it('cuts the answer off after the request was handled, whole or in the middle', async () => {
    running.server.faults.add(
      { route: '/api/v1/create_session', effect: { kind: 'cut', afterBytes: 0 } },
      { route: '/api/v1/create_session', nth: 2, effect: { kind: 'cut', afterBytes: 10 } },
    );
    const countOf = async () => (await client.get('sessions')).json.sessions.length;
    const before = await countOf();
    await expect(client.post('create_session', {})).rejects.toThrow();
    await expect(client.post('create_session', {})).rejects.toThrow();
    expect(await countOf()).toBe(before + 2);
  });

  it('cuts a file in the middle after the bytes that it lets through', async () => {
    const route = '/:organization/:name/resolve/:revision/*';
    running.server.faults.add({ route, effect: { kind: 'cut', afterBytes: 5 } });
    const response = await fetch(`${client.url}/local/random/resolve/main/config.json`);
    const received: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of response.body ?? []) received.push(chunk);
    })();
    await expect(reading).rejects.toThrow();
    expect(Buffer.concat(received)).toHaveLength(5);
  });

  it('answers garbage with the type of a good answer', async () => {
    sessionsFault({ kind: 'garbage', contentType: 'application/x-protobuf', body: 'no message' });
    const answer = await client.get('sessions');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
    expect(answer.bytes.toString()).toBe('no message');
  });
});
