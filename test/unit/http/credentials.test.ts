import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { compileConnection, type ConnectionOptions } from '../../../src/core/config.ts';
import { readEnvironment } from '../../../src/core/env.ts';
import { Credentials } from '../../../src/http/auth/credentials.ts';
import { makeJwt } from '../../helpers/jwt.ts';

const clock = new ManualClock();
const nowSec = clock.now() / 1000;
const liveJwt = makeJwt({ exp: nowSec + 60 });
const deadJwt = makeJwt({ exp: nowSec });
const stored = {
  version: 1,
  default: '7',
  keys: { '7': { type: 'manual', key: 'tml-stored' }, '8': { type: 'manual', key: 'tml-8' } },
};

let folder: string;
let counter = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tinker-credentials-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Sources of the hosted service, unless `baseUrl` says otherwise; `file` is the content of the stored credentials. */
async function credentialsOf(
  options: ConnectionOptions & { file?: string | object | undefined },
): Promise<Credentials> {
  const { file, ...connectionOptions } = options;
  const storedFile = path.join(folder, `credentials-${counter++}.json`);
  if (file !== undefined) await writeFile(storedFile, typeof file === 'string' ? file : JSON.stringify(file));
  const { credentials } = compileConnection(connectionOptions, {
    ...readEnvironment({}),
    credentialsFile: storedFile,
  });
  return new Credentials(credentials, clock);
}

const command = 'echo tml-command';

describe('the credential (wire-protocol 1.3, CFG-2, CFG-11, CFG-20)', () => {
  /** What the handshake takes, what the exchange takes where a command is wanted, and what servers without exchange get. */
  it.each([
    ['a key', { apiKey: 'tml-key' }, 'tml-key', 'credential_unavailable', 'tml-key'],
    [
      'a key and a command',
      { apiKey: 'tml-key', credentialCommand: command },
      'tml-key',
      'tml-command',
      'tml-key',
    ],
    [
      'a key and a stored one',
      { apiKey: 'tml-key', file: stored },
      'tml-key',
      'credential_unavailable',
      'tml-key',
    ],
    ['a JWT and a command', { apiKey: liveJwt, credentialCommand: command }, liveJwt, liveJwt, liveJwt],
    [
      'a JWT whose time is over',
      { apiKey: deadJwt },
      'invalid_api_key',
      'invalid_api_key',
      'invalid_api_key',
    ],
    [
      'a JWT without expiry',
      { apiKey: makeJwt({}) },
      'invalid_api_key',
      'invalid_api_key',
      'invalid_api_key',
    ],
    ['a malformed key', { apiKey: 'sk-key' }, 'invalid_api_key', 'credential_unavailable', 'invalid_api_key'],
    [
      'a malformed key and a command',
      { apiKey: 'sk-key', credentialCommand: command },
      'tml-command',
      'tml-command',
      'invalid_api_key',
    ],
    ['a command', { credentialCommand: command }, 'tml-command', 'tml-command', 'missing_api_key'],
    [
      'a command and a stored key',
      { credentialCommand: command, file: stored },
      'tml-command',
      'tml-command',
      'tml-stored',
    ],
    ['a stored key', { file: stored }, 'tml-stored', 'credential_unavailable', 'tml-stored'],
    [
      'a malformed stored key',
      { file: { ...stored, keys: { '7': { key: 'sk-7' } } } },
      'invalid_api_key',
      'credential_unavailable',
      'invalid_api_key',
    ],
    ['nothing', {}, 'missing_api_key', 'credential_unavailable', 'missing_api_key'],
  ])('with %s', async (_, options, handshake, exchange, plain) => {
    const credentials = await credentialsOf(options);
    const outcome = (work: Promise<string>) => work.catch((error: { code: string }) => error.code);
    expect(await outcome(credentials.raw({ commandOnly: false }))).toBe(handshake);
    expect(await outcome(credentials.raw({ commandOnly: true }))).toBe(exchange);
    expect(await outcome((async () => credentials.plain())())).toBe(plain);
  });

  it('takes keys of any form for other servers, also ones that look like a JWT', async () => {
    for (const apiKey of ['k', 'eyJ-not-a-jwt']) {
      const credentials = await credentialsOf({ apiKey, baseUrl: 'http://localhost:8000' });
      expect(await credentials.raw({ commandOnly: false })).toBe(apiKey);
      expect(await credentials.plain()).toBe(apiKey);
    }
  });

  it('says for a missing key all that could be done, and for a command why it is not enough', async () => {
    await expect((await credentialsOf({})).plain()).rejects.toThrow(
      /pass apiKey, set TINKER_API_KEY, or .*`tinker-ts auth login`/,
    );
    await expect((await credentialsOf({ credentialCommand: command })).plain()).rejects.toThrow(
      'exchanges no credentials',
    );
  });

  it('refuses a fixed JWT from the moment its time is over', async () => {
    const ownClock = new ManualClock();
    const { credentials: sources } = compileConnection({ apiKey: liveJwt }, readEnvironment({}));
    const credentials = new Credentials(sources, ownClock);
    expect(await credentials.plain()).toBe(liveJwt);
    ownClock.advance(59_999);
    expect(credentials.plain()).toBe(liveJwt);
    ownClock.advance(1);
    expect(() => credentials.plain()).toThrow('expired at 2026-01-01T00:01:00.000Z');
  });

  it('asks a function anew every time, and passes on what it throws', async () => {
    const keys = ['tml-1', 'tml-2', ''];
    const credentials = await credentialsOf({
      apiKey: async () => keys.shift() ?? Promise.reject(new Error('vault is closed')),
    });
    expect([await credentials.plain(), await credentials.plain()]).toEqual(['tml-1', 'tml-2']);
    await expect(credentials.plain()).rejects.toMatchObject({ code: 'missing_api_key' });
    await expect(credentials.plain()).rejects.toThrow('vault is closed');
    await expect(credentials.raw({ commandOnly: false })).rejects.toThrow('vault is closed');
  });

  it('refuses a key that no header can carry', async () => {
    await expect((await credentialsOf({ apiKey: 'tml-a\nb' })).plain()).rejects.toMatchObject({
      code: 'invalid_api_key',
    });
  });
});

describe('the credential command (CFG-11)', () => {
  const run = async (credentialCommand: string, signal?: AbortSignal) =>
    (await credentialsOf({ credentialCommand })).raw({ commandOnly: false, signal });

  it('is run by the shell for every fetch, and its output trimmed', async () => {
    const file = path.join(folder, 'runs');
    const credentials = await credentialsOf({
      credentialCommand: `echo run >> '${file}'; echo "  tml-$((1 + 1))  "`,
    });
    expect(await credentials.raw({ commandOnly: false })).toBe('tml-2');
    await credentials.raw({ commandOnly: true });
    expect(await readFile(file, 'utf8')).toBe('run\nrun\n');
  });

  it.each([
    ['fails', 'echo tml-secret; echo tml-secret >&2; exit 3', 'ended with exit code 3'],
    ['does not exist', 'tml-secret-does-not-exist', 'ended with exit code 127'],
    ['prints nothing', 'echo; true tml-secret', 'printed nothing'],
    ['kills itself', 'echo tml-secret; kill -9 $$', 'ended with signal SIGKILL'],
    ['prints without end', 'yes tml-secret', 'printed more than a credential'],
    ['prints several lines', 'echo tml-secret; echo tml-secret', 'characters that no header can carry'],
    ['prints an expired JWT', `echo ${makeJwt({ exp: 1, sub: 'tml-secret' })}`, 'expired at 1970'],
  ])(
    'is a clear error that shows neither command nor output when it %s',
    async (_, credentialCommand, message) => {
      const error: unknown = await run(credentialCommand).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: 'TinkerError', message: expect.stringContaining(message) });
      expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(/tml-secret|eyJ/);
    },
  );

  it('is given up with the reason of the signal', async () => {
    const controller = new AbortController();
    const waiting = run('exec sleep 600', controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('has a minute', async () => {
    const file = path.join(folder, 'started');
    const credentials = await credentialsOf({ credentialCommand: `echo > '${file}'; exec sleep 600` });
    const waiting = credentials.raw({ commandOnly: false });
    await expect.poll(() => readFile(file, 'utf8').catch(() => undefined), { timeout: 10_000 }).toBe('\n');
    clock.advance(60_000);
    await expect(waiting).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('the stored credentials (CFG-20)', () => {
  it('are none without file, or without a default', async () => {
    await expect((await credentialsOf({})).plain()).rejects.toMatchObject({ code: 'missing_api_key' });
    await expect((await credentialsOf({ file: { version: 1, keys: {} } })).plain()).rejects.toMatchObject({
      code: 'missing_api_key',
    });
  });

  it.each([
    ['is not JSON', 'tml-secret', 'no credentials file of version 1'],
    ['is of another version', { ...stored, version: 2 }, 'no credentials file of version 1'],
    [
      'has a key of another type',
      { ...stored, keys: { '7': 'tml-secret' } },
      'no credentials file of version 1',
    ],
    [
      'has a default that is not there',
      { ...stored, default: 'toString' },
      'its default key is not among its keys',
    ],
  ])('name the file and show nothing of it when it %s', async (_, file, message) => {
    const error: unknown = await (async () => (await credentialsOf({ file })).plain())().catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({
      code: 'credential_unavailable',
      message: expect.stringContaining(message),
    });
    expect(error).toMatchObject({ message: expect.stringContaining(path.join(folder, 'credentials-')) });
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('tml-');
  });

  it('name the file when it cannot be read', async () => {
    const { credentials } = compileConnection({}, { ...readEnvironment({}), credentialsFile: folder });
    await expect(new Credentials(credentials, clock).plain()).rejects.toThrow(
      `${folder} cannot be used: it could not be read (EISDIR)`,
    );
  });
});
