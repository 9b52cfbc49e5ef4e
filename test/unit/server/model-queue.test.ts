import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { OperationError } from '../../../src/server/errors.ts';
import { ModelQueue, type Job } from '../../../src/server/model-queue.ts';

function setUp() {
  const clock = new ManualClock();
  const queue = new ModelQueue({ modelId: 'm', clock, gapTimeoutMs: 60_000 });
  const log: string[] = [];
  const job = (name: string): Job => ({
    run: async () => {
      log.push(name);
    },
    fail: (error) => log.push(`${name}: ${error.message}`),
  });
  return { clock, queue, log, job };
}

describe('ModelQueue', () => {
  it('runs jobs one after the other in the order of their numbers', async () => {
    const { queue, log } = setUp();
    const gate = Promise.withResolvers<void>();
    const slow: Job = {
      run: async () => {
        log.push('one begins');
        await gate.promise;
        log.push('one ends');
      },
      fail: () => log.push('failed'),
    };
    const fast: Job = { run: async () => void log.push('two'), fail: () => log.push('failed') };
    queue.submit(2, fast);
    queue.submit(1, slow);
    gate.resolve();
    await queue.idle();
    expect(log).toEqual(['one begins', 'one ends', 'two']);
  });

  it('fails held jobs by the name of the missing number when it does not come in time', async () => {
    const { clock, queue, log, job } = setUp();
    queue.submit(1, job('one'));
    queue.submit(3, job('three'));
    queue.submit(4, job('four'));
    expect(queue.describeWait(4)).toBe('waiting for seq_id 2 of m');
    await queue.idle();
    clock.advance(59_999);
    expect(log).toEqual(['one']);
    clock.advance(1);
    const message = 'm: seq_id 2 did not arrive within 60 s, so this later operation was not executed';
    expect(log).toEqual(['one', `three: ${message}`, `four: ${message}`]);
  });

  it('goes on after a gap was given up, and fails the missing number when it comes too late', async () => {
    const { clock, queue, log, job } = setUp();
    queue.submit(2, job('two'));
    clock.advance(60_000);
    queue.submit(3, job('three'));
    queue.submit(1, job('one'));
    await queue.idle();
    expect(log.slice(1)).toEqual([
      'three',
      'one: m: seq_id 1 came too late: the server has gone on without it',
    ]);
  });

  it('starts the time anew for the next missing number', () => {
    const { clock, queue, log, job } = setUp();
    queue.submit(2, job('two'));
    queue.submit(4, job('four'));
    clock.advance(50_000);
    queue.submit(1, job('one'));
    clock.advance(50_000);
    expect(log.some((line) => line.startsWith('four'))).toBe(false);
    clock.advance(10_000);
    expect(log.at(-1)).toContain('seq_id 3 did not arrive');
  });

  it('leaves no timer when the gap has closed or the queue has stopped', () => {
    const { clock, queue, job } = setUp();
    queue.submit(2, job('two'));
    expect(clock.pendingCount).toBe(1);
    queue.submit(1, job('one'));
    expect(clock.pendingCount).toBe(0);
    queue.submit(4, job('four'));
    queue.stop(new OperationError('gone', 'user'));
    expect(clock.pendingCount).toBe(0);
  });

  it('fails what has not begun, and what comes later, with the reason it was stopped for', async () => {
    const { queue, log, job } = setUp();
    queue.submit(1, job('one'));
    queue.submit(2, job('two'));
    queue.submit(4, job('four'));
    queue.stop(new OperationError('gone', 'user'));
    queue.submit(5, job('five'));
    await queue.idle();
    expect(log).toEqual(['one', 'two: gone', 'four: gone', 'five: gone']);
  });

  it('does not wait for a number whose request was refused', async () => {
    const { queue, log, job } = setUp();
    queue.submit(2, job('two'));
    queue.refuse(1);
    await queue.idle();
    expect(log).toEqual(['two']);
  });
});
