import { describe, expect, it } from 'vitest';
import { makeJwt } from '../../helpers/jwt.ts';
import { connectScripted } from '../../helpers/scripted-service.ts';

const tinkerPath = 'tinker://s:train:0/weights/0001';

describe('who the caller is (RST-21)', () => {
  const claims = { exp: 4e9, iat: 1e9, sub: 'urn:user:1', org_id: '7', email: 'a@b.test' };
  const exchanging = { '/client/config': { pjwt_auth_enabled: true } };

  it('is what the token of the server says, and nothing is asked', async () => {
    await using scripted = await connectScripted({ ...exchanging, '/auth/token': { jwt: makeJwt(claims) } });
    const rest = await scripted.service.createRestClient();
    await expect(rest.whoami()).resolves.toEqual({
      user_urn: 'urn:user:1',
      org_urn: 'tml:organization:7',
      email: 'a@b.test',
    });
  });

  it('has no e-mail where the token has an empty one, and must have an organization', async () => {
    const nobody = makeJwt({ ...claims, email: '' });
    await using scripted = await connectScripted({ ...exchanging, '/auth/token': { jwt: nobody } });
    await expect((await scripted.service.createRestClient()).whoami()).resolves.toMatchObject({
      email: null,
    });
    const homeless = makeJwt({ ...claims, org_id: undefined });
    await using other = await connectScripted({ ...exchanging, '/auth/token': { jwt: homeless } });
    await expect((await other.service.createRestClient()).whoami()).rejects.toMatchObject({
      code: 'invalid_response',
    });
  });

  it('is what the key itself says when that is such a token, and unknown for any other key', async () => {
    const apiKey = makeJwt({ ...claims, iss: 'passport-1' });
    await using scripted = await connectScripted({}, { apiKey });
    const rest = await scripted.service.createRestClient();
    await expect(rest.whoami()).resolves.toMatchObject({ user_urn: 'urn:user:1' });
    await using plain = await connectScripted({});
    await expect((await plain.service.createRestClient()).whoami()).rejects.toThrow(
      'in exchange for the key',
    );
  });
});

describe('the key itself', () => {
  it('is described and ended with the key, not with the token in exchange for it (wire-protocol 2.48)', async () => {
    const details = { org_details: { name: 'Org' }, user_details: { email: 'a@b.test' } };
    const key = { key_id: 7, name: 'k', note: 'n', details };
    const jwt = makeJwt({ exp: 4e9, iat: 1e9 });
    await using scripted = await connectScripted({
      '/client/config': { pjwt_auth_enabled: true },
      '/auth/token': { jwt },
      'GET /auth/apikey/me': key,
      'DELETE /auth/apikey/me': () => ({ status: 204 }),
    });
    const rest = await scripted.service.createRestClient();
    await expect(rest.getSelfApiKey()).resolves.toEqual(key);
    await rest.revokeSelfApiKey();
    const sent = scripted.sentTo('/auth/apikey/me');
    expect(sent.map(({ method, headers }) => [method, headers['x-api-key']])).toEqual([
      ['GET', 'tml-own'],
      ['DELETE', 'tml-own'],
    ]);
  });
});

describe('what administrators may ask', () => {
  it('is the audit log of a day (RST-14)', async () => {
    const entry = { timestamp: '2026-01-15T10:00:00Z', event: 'checkpoint_read', tinker_path: tinkerPath };
    await using scripted = await connectScripted({ '/audit': { entries: [entry] } });
    const admin = await scripted.service.createAdminClient();
    await expect(admin.getAuditLog({ event_type: 'checkpoints', day: '2026-01-15' })).resolves.toEqual({
      entries: [{ ...entry, event_details: {} }],
    });
    await admin.getAuditLog();
    const [filtered, plain] = scripted.sentTo('/audit');
    expect([filtered?.path, plain?.path]).toEqual([
      '/audit?event_type=checkpoints&day=2026-01-15',
      '/audit?event_type=all',
    ]);
    expect(filtered?.headers['x-sdk-method']).toBe('AdminClient.getAuditLog');
    await expect(admin.getAuditLog({ day: '15.1.2026' })).rejects.toThrow('day must be a date');
    await expect(admin.getAuditLog({ event_type: 'runs' as never })).rejects.toThrow('event_type');
  });

  it('is usage by hour, each kind with its own figures (RST-20)', async () => {
    const bucket = { bucket_start: '2026-07-13T00:00:00Z', bucket_end: '2026-07-13T01:00:00Z' };
    const kinds = [
      { type: 'training', token_count: 10 },
      { type: 'sampling_prefill', cached: true, token_count: 5 },
      { type: 'storage', gigabyte_hours: 0.5, added_later: 1 },
    ];
    const data = kinds.map((event_info) => ({ ...bucket, event_info, estimated_cost_usd: null }));
    await using scripted = await connectScripted({ '/billing/usage/events': { data } });
    const admin = await scripted.service.createAdminClient();
    const window = { starting_on: '2026-07-13T00:00:00Z', ending_before: '2026-07-14T00:00:00Z' };
    const usage = await admin.getBillingUsage(window);
    expect(usage.sessions).toEqual({});
    expect(usage.data.map(({ event_info }) => event_info)).toEqual([
      kinds[0],
      kinds[1],
      { type: 'storage', gigabyte_hours: 0.5, free: false },
    ]);
    expect(scripted.sentTo('/billing/usage/events')[0]?.path).toBe(
      '/billing/usage/events?starting_on=2026-07-13T00%3A00%3A00Z&ending_before=2026-07-14T00%3A00%3A00Z',
    );
    await expect(admin.getBillingUsage({ ...window, starting_on: 'Monday' })).rejects.toThrow('starting_on');
  });

  it('is what checkpoints take up now (RST-27)', async () => {
    const usage = {
      effective_rate_usd_per_gigabyte_month: 0.1,
      data: [{ project_id: 'p', checkpoint_count: 2, size_bytes: 3, size_gigabytes: 3e-9 }],
    };
    await using scripted = await connectScripted({ '/billing/usage/checkpoints/current': usage });
    const admin = await scripted.service.createAdminClient();
    await expect(admin.getCurrentCheckpointStorageUsage({ project_id: 'p' })).resolves.toEqual(usage);
    expect(scripted.sentTo('/billing/usage/checkpoints/current')[0]?.path).toContain('?project_id=p');
    await admin.close();
    await expect(admin.getCurrentCheckpointStorageUsage()).rejects.toMatchObject({ code: 'client_closed' });
  });
});
