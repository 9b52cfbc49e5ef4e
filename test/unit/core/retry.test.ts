import { describe, expect, it } from 'vitest';
import { toApiError } from '../../../src/core/api-errors.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { ConnectionError } from '../../../src/core/errors.ts';
import { AttemptFailure, retrying, type RetryAttempt } from '../../../src/core/retry.ts';
import {
  defaultRetries,
  noRetries,
  readRetryHints,
  retryDelayMs,
  telemetryRetries,
} from '../../../src/core/retry-policy.ts';
import { promisesSettled } from '../../helpers/settled.ts';

const status = (code: number, headers = {}) =>
  new AttemptFailure(toApiError('GET /x', { status: code }), readRetryHints(headers, 0));

function run(replies: (AttemptFailure | string)[], profile = defaultRetries) {
  const clock = new ManualClock(0);
  const retries: RetryAttempt[] = [];
  const controller = new AbortController();
  let attempts = 0;
  const result = retrying(async () => replies[attempts++] ?? 'too many', {
    profile,
    clock,
    random: () => 0,
    signal: controller.signal,
    onRetry: (retry) => retries.push(retry),
  });
  result.catch(() => undefined);
  return { clock, retries, controller, result, attempts: () => attempts };
}

describe('retrying', () => {
  it('tries again on 408, 429, 5xx and connection errors, twice as late each time (CFG-5)', async () => {
    const failures = [
      status(408),
      status(429),
      status(503),
      new AttemptFailure(new ConnectionError('reset')),
    ];
    const { clock, retries, result } = run([...failures, 'done']);
    for (let index = 0; index < failures.length; index++) {
      await promisesSettled();
      clock.advance(retries.at(-1)?.delayMs ?? 0);
    }
    await expect(result).resolves.toBe('done');
    expect(retries.map(({ attempt, delayMs }) => [attempt, delayMs])).toEqual([
      [1, 500],
      [2, 1000],
      [3, 2000],
      [4, 4000],
    ]);
  });

  it.each([400, 401, 403, 404, 410, 422])('does not try again on %i', async (code) => {
    await expect(run([status(code)]).result).rejects.toMatchObject({ status: code });
  });

  it('asks twice again on 409, and never for minutes', async () => {
    const { clock, result, attempts } = run([status(409), status(409), status(409), 'too late']);
    for (let index = 0; index < 3; index++) {
      await promisesSettled();
      clock.advance(10_000);
    }
    await expect(result).rejects.toMatchObject({ code: 'conflict' });
    expect(attempts()).toBe(3);
  });

  it('sends telemetry four times at most', async () => {
    const { clock, result, attempts } = run(
      Array.from({ length: 5 }, () => status(503)),
      telemetryRetries,
    );
    for (let index = 0; index < 5; index++) {
      await promisesSettled();
      clock.advance(10_000);
    }
    await expect(result).rejects.toMatchObject({ status: 503 });
    expect(attempts()).toBe(4);
  });

  it('obeys x-should-retry in both directions', async () => {
    await expect(run([status(503, { 'x-should-retry': 'false' })]).result).rejects.toMatchObject({
      status: 503,
    });
    const wanted = run([status(404, { 'x-should-retry': 'true' }), 'done']);
    await promisesSettled();
    wanted.clock.advance(1000);
    await expect(wanted.result).resolves.toBe('done');
  });

  it('gives up when the next attempt would begin too late, with the last error', async () => {
    const { result, attempts } = run([status(500)], { totalMs: 100, conflictCount: 0 });
    await expect(result).rejects.toMatchObject({ status: 500 });
    expect(attempts()).toBe(1);
    await expect(run([status(500)], noRetries).result).rejects.toMatchObject({ status: 500 });
  });

  it('stops waiting when the signal aborts, with its reason', async () => {
    const { controller, result } = run([status(500), 'never']);
    await promisesSettled();
    controller.abort(new Error('enough'));
    await expect(result).rejects.toThrow('enough');
  });
});

describe('retryDelayMs', () => {
  it('doubles from 0.5 s to 10 s and takes up to a quarter off', () => {
    expect([0, 1, 4, 5, 50].map((attempt) => retryDelayMs(attempt, {}, () => 0))).toEqual([
      500, 1000, 8000, 10_000, 10_000,
    ]);
    expect(retryDelayMs(0, {}, () => 1)).toBe(375);
  });

  it('takes the word of the server: retry-after-ms, else seconds, else a date, within a minute', () => {
    const delay = (headers: Record<string, string>): number =>
      retryDelayMs(0, readRetryHints(headers, 0), () => 0);
    expect(delay({ 'retry-after-ms': '20', 'retry-after': '9' })).toBe(20);
    expect(delay({ 'retry-after': '3' })).toBe(3000);
    expect(delay({ 'retry-after': 'Thu, 01 Jan 1970 00:00:07 GMT' })).toBe(7000);
    expect(delay({ 'retry-after': '3600' })).toBe(500);
    expect(delay({ 'retry-after': 'soon' })).toBe(500);
  });
});
