import { describe, expect, it } from 'vitest';
import { toApiError } from '../../../src/core/api-errors.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { ConnectionError } from '../../../src/core/errors.ts';
import type { RetryProfile } from '../../../src/core/retry-policy.ts';
import { readClaims } from '../../../src/http/auth/jwt.ts';
import { TokenExchange } from '../../../src/http/auth/token-exchange.ts';
import { makeJwt } from '../../helpers/jwt.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import { promisesSettled } from '../../helpers/settled.ts';

const refused = () => toApiError('POST /api/v1/auth/token', { status: 401, body: { detail: 'no' } });
const down = () => new ConnectionError('down');

/** An exchange on a clock of its own. Its server answers with tokens of an hour unless `answers` says otherwise. */
function setUp({ random = 0.5, lifetimeSec = 3600 } = {}) {
  const clock = new ManualClock();
  const logger = recordingLogger();
  const answers: (Error | string | Promise<string>)[] = [];
  const profiles: RetryProfile[] = [];
  const issue = (): string => {
    const iat = Math.floor(clock.now() / 1000);
    return makeJwt({ iat, exp: iat + lifetimeSec, jti: profiles.length });
  };
  const exchange = new TokenExchange({
    exchange: async (profile) => {
      profiles.push(profile);
      const answer = answers.shift() ?? issue();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    clock,
    backgroundClock: clock,
    random: () => random,
    logger,
  });
  const pass = async (seconds: number): Promise<void> => {
    clock.advance(seconds * 1000);
    await promisesSettled();
  };
  return {
    exchange,
    clock,
    answers,
    profiles,
    pass,
    issue,
    logs: logger.lines,
    count: () => profiles.length,
  };
}

describe('token exchange (CFG-10)', () => {
  it('begins with the first request, and is one for all that wait', async () => {
    const { exchange, count } = setUp();
    expect(count()).toBe(0);
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => exchange.token({})));
    expect(new Set(tokens).size).toBe(1);
    expect(exchange.token({})).toBe(tokens[0]);
    expect(count()).toBe(1);
  });

  it.each([
    [0, 0.45],
    [0.5, 0.5],
    [1, 0.55],
  ])(
    'renews in the background at half of the life, give or take a tenth (random %d)',
    async (random, share) => {
      const { exchange, count, pass } = setUp({ random });
      await exchange.token({});
      await pass(3600 * share - 1);
      expect(count()).toBe(1);
      await pass(2);
      expect(count()).toBe(2);
      await pass(3600 * share + 1);
      expect(count()).toBe(3);
    },
  );

  it.each([{}, { exp: 2_000_000_000 }, { exp: 10, iat: 20 }])(
    'renews every minute where the life is unknown: %o',
    async (claims) => {
      const { exchange, answers, count, pass } = setUp();
      answers.push(makeJwt(claims));
      await exchange.token({});
      await pass(59);
      expect(count()).toBe(1);
      await pass(1);
      expect(count()).toBe(2);
    },
  );

  it('waits no longer than timers can for a token of many years', async () => {
    const { exchange, count, pass } = setUp({ lifetimeSec: 10 * 365 * 86_400 });
    await exchange.token({});
    await pass((2 ** 31 - 2) / 1000);
    expect(count()).toBe(1);
    await pass(1);
    expect(count()).toBe(2);
  });

  it('repeats a failed renewal every minute and says so once, while requests go on with the old token', async () => {
    const { exchange, answers, count, pass, logs } = setUp();
    const first = await exchange.token({});
    answers.push(down(), down());
    await pass(1800);
    await pass(60);
    expect(count()).toBe(3);
    expect(exchange.token({})).toBe(first);
    expect(logs.map(({ level }) => level)).toEqual(['warn', 'debug']);
    await pass(60);
    expect(count()).toBe(4);
    expect(exchange.token({})).not.toBe(first);
  });

  it('renews on demand with a minute of life or less, and uses the old token while that fails', async () => {
    const { exchange, answers, count, pass } = setUp();
    const first = await exchange.token({});
    answers.push(...Array.from({ length: 40 }, down));
    await pass(1800);
    for (let minute = 0; minute < 28; minute++) await pass(60);
    await pass(59);
    const failedCount = count();
    expect(exchange.token({})).toBe(first);
    await pass(1);
    expect(await exchange.token({})).toBe(first);
    expect(count()).toBe(failedCount + 2);
    answers.length = 0;
    expect(await exchange.token({})).not.toBe(first);
  });

  it('fails with the reason of the exchange when there is no token, or its time is over', async () => {
    const { exchange, answers, clock } = setUp({ lifetimeSec: 50 });
    answers.push(down());
    await expect(exchange.token({})).rejects.toThrow('down');
    await exchange.token({});
    answers.push(down());
    clock.advance(50_000);
    await expect(exchange.token({})).rejects.toThrow('down');
  });

  it('fails at once when the credential is refused, though the old token lives', async () => {
    const { exchange, answers } = setUp({ lifetimeSec: 50 });
    await exchange.token({});
    answers.push(refused());
    await expect(exchange.token({})).rejects.toMatchObject({ code: 'authentication' });
  });

  it('ends the renewing when the credential is refused at the end, until an exchange succeeds again', async () => {
    const { exchange, answers, count, pass } = setUp({ lifetimeSec: 240 });
    await exchange.token({});
    answers.push(refused());
    await pass(120);
    await pass(600);
    expect(count()).toBe(2);
    await exchange.token({});
    await pass(120);
    expect(count()).toBe(4);
  });

  it('goes on renewing when the credential is refused early', async () => {
    const { exchange, answers, count, pass } = setUp({ lifetimeSec: 3600 });
    await exchange.token({});
    answers.push(refused());
    await pass(1800);
    await pass(60);
    expect(count()).toBe(3);
  });

  it('replaces a rejected token by one exchange, however many were rejected', async () => {
    const { exchange, count } = setUp();
    const first = await exchange.token({});
    const replaced = await Promise.all(Array.from({ length: 20 }, async () => exchange.replace(first, {})));
    expect(new Set(replaced).size).toBe(1);
    expect(await exchange.replace(first, {})).toBe(replaced[0]);
    expect(replaced[0]).not.toBe(first);
    expect(count()).toBe(2);
  });

  it('tries for minutes to get the first token, and for one minute to renew it', async () => {
    const { exchange, profiles } = setUp();
    await exchange.replace(await exchange.token({}), {});
    expect(profiles.map(({ totalMs }) => totalMs)).toEqual([300_000, 60_000]);
  });

  it('lets a request give up waiting without ending the exchange for others', async () => {
    const { exchange, answers, count } = setUp();
    const answer = Promise.withResolvers<string>();
    answers.push(answer.promise);
    const controller = new AbortController();
    const impatient = exchange.token({ signal: controller.signal });
    const patient = exchange.token({});
    controller.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    answer.resolve('token');
    expect([await patient, count()]).toEqual(['token', 1]);
  });

  it('leaves no timer behind when it is closed, also while it renews', async () => {
    const { exchange, answers, clock, pass, issue } = setUp();
    await exchange.token({});
    const answer = Promise.withResolvers<string>();
    answers.push(answer.promise);
    await pass(1800);
    exchange.close();
    answer.resolve(issue());
    await promisesSettled();
    expect(clock.pendingCount).toBe(0);
  });

  it('exchanges nothing after it was closed', async () => {
    const { exchange, count } = setUp();
    exchange.close();
    await expect(exchange.token({})).rejects.toMatchObject({ code: 'client_closed' });
    expect(count()).toBe(0);
  });
});

describe('readClaims', () => {
  it('reads numbers and their digits, and who it is', () => {
    expect(readClaims(makeJwt({ exp: 5, iat: '3', sub: 's', org_id: 'o', email: 'e', other: [] }))).toEqual({
      exp: 5,
      iat: 3,
      sub: 's',
      org_id: 'o',
      email: 'e',
    });
  });

  it('leaves out what it cannot read', () => {
    expect(readClaims(makeJwt({ exp: 'soon', iat: null, sub: 7 }))).toEqual({});
  });

  it.each(['', 'tml-key', 'eyJ.eyJ', 'a.b.c', `a.${Buffer.from('[1]').toString('base64url')}.c`])(
    'is nothing for %j',
    (text) => {
      expect(readClaims(text)).toBeUndefined();
    },
  );
});
