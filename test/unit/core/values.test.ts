import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock, delay } from '../../../src/core/clock.ts';
import { compileConnection, defaultBaseUrl } from '../../../src/core/config.ts';
import { readEnvironment } from '../../../src/core/env.ts';
import { errorCodes } from '../../../src/core/error-codes.ts';
import { TinkerError } from '../../../src/core/errors.ts';
import { toApiError } from '../../../src/core/api-errors.ts';
import { reviveError, serializeError } from '../../../src/core/serialize-error.ts';
import { parseTinkerPath, toTinkerPath } from '../../../src/core/tinker-path.ts';
import { packageVersion } from '../../../src/core/version.ts';

describe('parseTinkerPath (TYP-21)', () => {
  it('takes a path apart', () => {
    expect(parseTinkerPath('tinker://b8:train:0/sampler_weights/final')).toEqual({
      training_run_id: 'b8:train:0',
      checkpoint_type: 'sampler',
      checkpoint_id: 'sampler_weights/final',
      name: 'final',
    });
  });

  it.each(['', 'tinker://', 'tinker://a/weights', 'tinker://a/weights/', 'tinker:///weights/x', 'tinker://a/other/x', 'TINKER://a/weights/x', 'tinker://a/weights/x/y'])(
    'refuses %j with what a path looks like',
    (path) => expect(() => parseTinkerPath(path)).toThrow('tinker://run-id/weights/name'),
  );

  it('is the opposite of toTinkerPath', () => {
    const part = fc.stringMatching(/^[a-zA-Z0-9:_-]{1,20}$/);
    fc.assert(
      fc.property(part, fc.constantFrom('training', 'sampler', 'external'), part, (run, type, name) => {
        const parsed = parseTinkerPath(toTinkerPath(run, type, name));
        expect([parsed.training_run_id, parsed.checkpoint_type, parsed.name]).toEqual([run, type, name]);
      }),
    );
  });
});

describe('compileConnection (CFG-2, CFG-3)', () => {
  const environment = readEnvironment({ TINKER_API_KEY: 'tml-env', TINKER_BASE_URL: 'http://env/base//' });

  it('takes options before the environment, and the environment before the defaults', () => {
    expect(compileConnection({}, environment)).toMatchObject({ apiKey: 'tml-env', baseUrl: 'http://env/base' });
    expect(compileConnection({ apiKey: 'k', baseUrl: 'http://x/' }, environment)).toMatchObject({ apiKey: 'k', baseUrl: 'http://x' });
    expect(compileConnection({ apiKey: 'tml-k' }, readEnvironment({}))).toMatchObject({ baseUrl: defaultBaseUrl });
  });

  it('counts empty variables as unset', () => {
    const empty = readEnvironment({ TINKER_API_KEY: '', TINKER_BASE_URL: '' });
    expect(() => compileConnection({}, empty)).toThrow('set TINKER_API_KEY');
  });

  it('wants the prefix only where the hosted service does', () => {
    expect(() => compileConnection({ apiKey: 'abc' }, readEnvironment({}))).toThrow("begin with 'tml-'");
    expect(compileConnection({ apiKey: 'abc', baseUrl: 'http://localhost:8080' }, readEnvironment({})).apiKey).toBe('abc');
  });

  it.each(['nonsense', 'ftp://x', 'http://x/?q=1', 'http://u:p@x/'])('refuses the base URL %s', (baseUrl) => {
    expect(() => compileConnection({ apiKey: 'k', baseUrl }, environment)).toThrow('baseUrl');
  });
});

describe('errors', () => {
  it('are recognised across copies of the package, and tell category and hint', () => {
    const error = new TinkerError('disk_full', 'no room');
    expect(TinkerError.isInstance(error)).toBe(true);
    expect(TinkerError.isInstance(new Error('x'))).toBe(false);
    expect(error).toMatchObject({ category: 'user', retryable: false, hint: errorCodes.disk_full.hint });
  });

  it('carry the words of the server, also a list of field errors', () => {
    const body = { detail: [{ loc: ['body', 'rank'], msg: 'must be positive', type: 'x' }] };
    expect(toApiError('POST /y', { status: 422, body }).message).toBe('POST /y answered 422: body.rank: must be positive');
    expect(toApiError('GET /z', { status: 418, body: 'teapot' })).toMatchObject({ code: 'api_status', category: 'user' });
  });

  it('survive being taken apart and put together', () => {
    const error = new TinkerError('unsafe_archive', 'bad entry', { details: { entry: 'x' }, requestId: 'r' });
    expect(reviveError(serializeError(error))).toEqual(error);
    expect(serializeError(new Error('odd'))).toMatchObject({ code: 'internal', message: 'odd' });
  });
});

describe('delay', () => {
  it('ends with its time, or with the reason of its signal, and leaves no timer', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const done = delay(10, clock);
    const aborted = delay(10, clock, controller.signal);
    controller.abort(new Error('stop'));
    clock.advance(10);
    await expect(done).resolves.toBeUndefined();
    await expect(aborted).rejects.toThrow('stop');
    expect(clock.pendingCount).toBe(0);
  });
});

describe('packageVersion', () => {
  it('is that of package.json', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(packageVersion).toBe(version);
  });
});
