import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock, delay } from '../../../src/core/clock.ts';
import { compileConnection, defaultBaseUrl } from '../../../src/core/config.ts';
import { readEnvironment } from '../../../src/core/env.ts';
import { errorCodes } from '../../../src/core/error-codes.ts';
import { TinkerError } from '../../../src/core/errors.ts';
import { toApiError } from '../../../src/core/api-errors.ts';
import { Secret } from '../../../src/core/secret.ts';
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

  it.each([
    '',
    'tinker://',
    'tinker://a/weights',
    'tinker://a/weights/',
    'tinker:///weights/x',
    'tinker://a/other/x',
    'TINKER://a/weights/x',
    'tinker://a/weights/x/y',
  ])('refuses %j with what a path looks like', (path) =>
    expect(() => parseTinkerPath(path)).toThrow('tinker://run-id/weights/name'),
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

describe('compileConnection (CFG-3)', () => {
  const environment = readEnvironment({
    TINKER_API_KEY: 'tml-env',
    TINKER_CREDENTIAL_CMD: 'echo tml-env',
    TINKER_BASE_URL: 'http://env/base//',
    HOME: '/home/somebody',
  });
  const reveal = (secret: unknown) => (secret instanceof Secret ? secret.reveal() : secret);

  it('takes options before the environment, and the environment before the defaults', () => {
    const fromEnvironment = compileConnection({}, environment);
    expect(fromEnvironment.baseUrl).toBe('http://env/base');
    expect(reveal(fromEnvironment.credentials.apiKey)).toBe('tml-env');
    expect(reveal(fromEnvironment.credentials.command)).toBe('echo tml-env');
    expect(fromEnvironment.credentials.storedFile).toBe(
      path.join('/home/somebody', '.tinker', 'credentials.json'),
    );
    const given = compileConnection(
      { apiKey: 'k', credentialCommand: 'pass tinker', baseUrl: 'http://x/' },
      environment,
    );
    expect(given.baseUrl).toBe('http://x');
    expect(reveal(given.credentials.apiKey)).toBe('k');
    expect(reveal(given.credentials.command)).toBe('pass tinker');
    expect(compileConnection({}, readEnvironment({})).baseUrl).toBe(defaultBaseUrl);
  });

  it('counts empty options and variables as unset', () => {
    const empty = readEnvironment({ TINKER_API_KEY: '', TINKER_BASE_URL: '', TINKER_CREDENTIAL_CMD: '' });
    expect(compileConnection({ apiKey: '' }, empty).credentials).toMatchObject({
      apiKey: undefined,
      command: undefined,
    });
    expect(reveal(compileConnection({ apiKey: '' }, environment).credentials.apiKey)).toBe('tml-env');
  });

  it('knows the hosted service by its URL, whose keys have a prefix', () => {
    expect(compileConnection({}, readEnvironment({})).credentials.isHosted).toBe(true);
    expect(
      compileConnection({ baseUrl: 'http://localhost:8080' }, readEnvironment({})).credentials.isHosted,
    ).toBe(false);
  });

  it('refuses a key and a command of another type', () => {
    expect(() => compileConnection({ apiKey: 5 } as object, environment)).toThrow('apiKey must be a string');
    expect(() => compileConnection({ credentialCommand: ['a'] } as object, environment)).toThrow(
      'credentialCommand must be',
    );
  });

  it('shows neither key nor command when it is inspected or made JSON of (CFG-2)', () => {
    const connection = compileConnection(
      { apiKey: 'tml-secret', credentialCommand: 'echo tml-secret' },
      environment,
    );
    for (const value of [connection, environment]) {
      const shown = inspect(value, { depth: null, showHidden: true }) + JSON.stringify(value);
      expect(shown).not.toMatch(/tml-(secret|env)/);
    }
  });

  it.each([
    [undefined, true],
    ['1', true],
    ['TRUE', true],
    ['yes', true],
    ['on', true],
    ['', false],
    ['0', false],
    ['off', false],
    ['maybe', false],
  ])('reads TINKER_TELEMETRY=%s as %s (CFG-16)', (value, expected) => {
    expect(readEnvironment({ TINKER_TELEMETRY: value }).telemetry).toBe(expected);
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
    expect(toApiError('POST /y', { status: 422, body }).message).toBe(
      'POST /y answered 422: body.rank: must be positive',
    );
    expect(toApiError('GET /z', { status: 418, body: 'teapot' })).toMatchObject({
      code: 'api_status',
      category: 'user',
    });
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
    const { version } = JSON.parse(
      await readFile(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    expect(packageVersion).toBe(version);
  });
});
