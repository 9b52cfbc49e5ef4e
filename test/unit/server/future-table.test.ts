import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { OperationError } from '../../../src/server/errors.ts';
import { FutureTable } from '../../../src/server/future-table.ts';

const minuteMs = 60_000;
const never = new AbortController().signal;
const noEarlierBoot = () => false;

function setUp() {
  const clock = new ManualClock();
  return { clock, futures: new FutureTable('boot', clock, 1000) };
}

describe('FutureTable', () => {
  it('holds a poll until the outcome is there', async () => {
    const { clock, futures } = setUp();
    const future = futures.create('key');
    const poll = futures.wait(future, 30_000, never);
    futures.settle(future, { result: { kind: 'json', body: {} } });
    await poll;
    expect(clock.pendingCount).toBe(0);
    expect(future.listeners.size).toBe(0);
  });

  it('lets a poll go after the hold, when its asker has gone, and when the server closes', async () => {
    const { clock, futures } = setUp();
    const future = futures.create(undefined);
    const held = futures.wait(future, 30_000, never);
    clock.advance(30_000);
    await held;
    const gone = new AbortController();
    const abandoned = futures.wait(future, 30_000, gone.signal);
    gone.abort();
    await abandoned;
    const closing = futures.wait(future, 30_000, never);
    futures.close();
    await closing;
    expect(future.outcome).toBeUndefined();
    expect(clock.pendingCount).toBe(0);
  });

  it('keeps the first outcome', () => {
    const { futures } = setUp();
    const future = futures.create(undefined);
    futures.settle(future, { error: new OperationError('first', 'user') });
    futures.settle(future, { result: { kind: 'json', body: {} } });
    expect(future.outcome).toMatchObject({ error: { message: 'first' } });
  });

  it('finds the same request again by its key', () => {
    const { futures } = setUp();
    const future = futures.create('train:m:1');
    expect(futures.findByKey('train:m:1')).toBe(future);
    expect(futures.find(future.requestId, noEarlierBoot)).toBe(future);
  });

  it('keeps an outcome an hour for one who never asks, and minutes after it was fetched', () => {
    const { clock, futures } = setUp();
    const fetched = futures.create('a');
    const unfetched = futures.create('b');
    const running = futures.create('c');
    for (const future of [fetched, unfetched]) futures.settle(future, { result: { kind: 'json', body: {} } });
    futures.markFetched(fetched);
    clock.advance(5 * minuteMs);
    futures.removeExpired();
    expect(futures.find(fetched.requestId, noEarlierBoot)).toBe('lost');
    expect(futures.findByKey('a')).toBeUndefined();
    expect(futures.find(unfetched.requestId, noEarlierBoot)).toBe(unfetched);
    clock.advance(55 * minuteMs);
    futures.removeExpired();
    expect(futures.find(unfetched.requestId, noEarlierBoot)).toBe('lost');
    expect(futures.find(running.requestId, noEarlierBoot)).toBe(running);
  });

  it('tells ids of an earlier boot from ids that never were', () => {
    const { futures } = setUp();
    futures.create(undefined);
    const isEarlierBoot = (bootId: string) => bootId === 'before';
    expect(futures.find('before-7', isEarlierBoot)).toBe('lost');
    expect(futures.find('boot-2', isEarlierBoot)).toBe('unknown');
    expect(futures.find('other-1', isEarlierBoot)).toBe('unknown');
    expect(futures.find('nonsense', isEarlierBoot)).toBe('unknown');
  });
});
