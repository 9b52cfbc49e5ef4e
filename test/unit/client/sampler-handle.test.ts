import { describe, expect, it } from 'vitest';
import { decodeHandle, encodeHandle } from '../../../src/client/sampling/sampler-handle.ts';
import { SeqIds } from '../../../src/client/sampling/seq-ids.ts';
import { clientConfigSchema, dynamicConfigSchema } from '../../../src/types/service.ts';

const handle = {
  session_id: 'sess-1',
  sampling_session_id: 'sess-1:sample:0',
  holder: {
    base_url: 'http://127.0.0.1:1',
    default_headers_overrides: {},
    client_config: { ...clientConfigSchema.parse({}), sample_max_concurrent_requests: 7 },
    client_dynamic_config: dynamicConfigSchema.parse({}),
    api_key: null,
  },
  base_model: 'local/random',
  record_stability_info: false,
};

describe('a sampler handle (SMP-8, SMP-10)', () => {
  it('is text that goes into a URL and comes back as it was', () => {
    const text = encodeHandle(handle);
    expect(text).toMatch(/^[\w-]+=*$/);
    expect(text.length % 4).toBe(0);
    expect(decodeHandle(text)).toMatchObject(handle);
  });

  it('is refused when it is something else, or carries a key, which the error does not repeat', () => {
    expect(() => decodeHandle('nonsense')).toThrow('the text that SamplingClient.toHandle gave');
    const withKey = { ...handle, holder: { ...handle.holder, api_key: 'tml-secret' } };
    const text = Buffer.from(JSON.stringify(withKey)).toString('base64url');
    expect(() => decodeHandle(text)).toThrow(/wrong with holder\.api_key$/);
  });
});

describe('sequence ids (SMP-8)', () => {
  it('of the first client are counted from 0', () => {
    const ids = new SeqIds();
    expect(ids.ready(new AbortController().signal)).toBeUndefined();
    expect([ids.next(), ids.next()]).toEqual([0, 1]);
  });

  it('of a copy lie in its block, digit by digit, and its join is tried anew after a failure', async () => {
    const answers = [Promise.reject(new Error('away')), Promise.resolve(999_999_999)];
    const ids = new SeqIds(() => answers.shift() ?? Promise.resolve(1));
    const { signal } = new AbortController();
    await expect(ids.ready(signal)).rejects.toThrow('away');
    await ids.ready(signal);
    expect(ids.copy).toBe(999_999_999);
    expect(JSON.stringify([ids.next(), ids.next()])).toBe('[999999999000000000,999999999000000001]');
  });
});
