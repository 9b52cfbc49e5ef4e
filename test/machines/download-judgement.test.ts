import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/core/errors.ts';
import {
  judge,
  noSetbacks,
  type SetbackState,
  type StepResult,
} from '../../src/machines/download-judgement.ts';

const error = new ConnectionError('it broke');

function judgeWith(result: StepResult, state: Partial<SetbackState> = {}, random = 0) {
  const policy = {
    tinkerPath: 'tinker://run/weights/a',
    destination: '/data/a',
    random: () => random,
    retryLimit: 10,
    pendingLimitMs: 60_000,
  };
  return judge(policy, { ...noSetbacks, ...state }, result);
}

describe('judge', () => {
  test.each([
    [0, 1000],
    [1, 2000],
    [4, 16_000],
    [5, 30_000],
    [9, 30_000],
  ])('after %i failures waits %i ms', (failureCount, waitMs) => {
    expect(judgeWith({ kind: 'transient', error }, { failureCount })).toMatchObject({
      next: 'backingOff',
      state: { waitMs },
    });
  });

  test('takes up to a quarter off the wait', () => {
    expect(judgeWith({ kind: 'transient', error }, {}, 1)).toMatchObject({ state: { waitMs: 750 } });
  });

  test('lets a server that wishes no wait for a pending archive have one second', () => {
    expect(judgeWith({ kind: 'pending', retryAfterMs: 0 })).toMatchObject({
      next: 'pending',
      state: { waitMs: 1000 },
    });
  });

  test('renews an expired address at once, the second time only after a wait, and at once again after progress', () => {
    const expired = { kind: 'urlExpired', error, receivedBytes: 10 };
    expect(judgeWith(expired)).toMatchObject({ next: 'renewing', state: { renewed: true, bestBytes: 10 } });
    expect(judgeWith(expired, { renewed: true, bestBytes: 10 })).toMatchObject({ next: 'backingOff' });
    expect(judgeWith(expired, { renewed: true, bestBytes: 5 })).toMatchObject({ next: 'renewing' });
  });

  test('counts starting over as a failure, so that it cannot go on for ever', () => {
    const stale = { kind: 'stale', error };
    expect(judgeWith(stale, { failureCount: 3 })).toMatchObject({
      next: 'discarding',
      state: { failureCount: 4 },
    });
    expect(judgeWith(stale, { failureCount: 10 })).toEqual({ next: 'failing', state: { error } });
  });

  test('does not take getting as far as before for progress', () => {
    expect(
      judgeWith({ kind: 'transient', error, receivedBytes: 10 }, { failureCount: 2, bestBytes: 10 }),
    ).toMatchObject({
      state: { failureCount: 3 },
    });
  });

  test('an outcome that it does not know is a bug, not a success', () => {
    expect(judgeWith({ kind: 'surprise' })).toMatchObject({
      next: 'failing',
      state: { error: { code: 'internal' } },
    });
  });
});
