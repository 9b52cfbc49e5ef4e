import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { startServer, WireClient, type TestServer } from './wire-client.ts';

let running: TestServer;
let keyed: WireClient;
const clock = new ManualClock();

beforeAll(async () => {
  running = await startServer({ apiKey: 'tml-right', tokenExchange: { lifetimeSec: 100 }, clock });
  keyed = new WireClient(running.server.url, { 'x-api-key': 'tml-right' });
});
afterAll(() => running[Symbol.asyncDispose]());

const newToken = async (): Promise<string> => (await keyed.post('auth/token', {})).json.jwt;
const withToken = (token: string) => new WireClient(running.server.url, { 'x-api-key': token });

describe('a server that exchanges keys for tokens', () => {
  it('says so, and gives a token for the right key alone', async () => {
    expect((await keyed.post('client/config', {})).json).toMatchObject({ pjwt_auth_enabled: true });
    expect((await withToken('tml-wrong').post('client/config', {})).status).toBe(401);
    expect((await withToken('tml-wrong').post('auth/token', {})).status).toBe(401);
    const [, payload = ''] = (await newToken()).split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      iat: clock.now() / 1000,
      exp: clock.now() / 1000 + 100,
      sub: expect.any(String),
      org_id: expect.any(String),
      email: expect.any(String),
    });
  });

  it('takes a token until its time is over, and then asks for a new one', async () => {
    const client = withToken(await newToken());
    clock.advance(99_999);
    expect((await client.get('get_server_capabilities')).status).toBe(200);
    clock.advance(1);
    const late = await client.get('get_server_capabilities');
    expect([late.status, late.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer error="invalid_token"',
    ]);
    expect((await withToken(await newToken()).get('get_server_capabilities')).status).toBe(200);
  });

  it('takes neither the key in place of a token, nor a token that it did not sign', async () => {
    const refusedKey = await keyed.get('get_server_capabilities');
    expect([refusedKey.status, refusedKey.headers.get('www-authenticate')]).toEqual([401, null]);
    expect(refusedKey.json.detail).toContain('/api/v1/auth/token');
    const [header, payload, signature] = (await newToken()).split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
    const forged = Buffer.from(JSON.stringify({ ...claims, exp: 1e12 })).toString('base64url');
    for (const token of [
      `${header}.${forged}.${signature}`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      header ?? '',
    ]) {
      const refused = await withToken(token).get('get_server_capabilities');
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer error="invalid_token"',
      ]);
    }
  });

  it('tells its health to the key and to a token, and refuses a life that is none', async () => {
    expect((await keyed.get('healthz')).status).toBe(200);
    expect((await withToken(await newToken()).get('healthz')).status).toBe(200);
    expect((await withToken('tml-wrong').get('healthz')).status).toBe(401);
    const dataDir = path.join(running.server.dataDir, 'other');
    await expect(startServer({ dataDir, tokenExchange: { lifetimeSec: 0 } })).rejects.toThrow(
      'tokenExchange.lifetimeSec',
    );
  });
});
