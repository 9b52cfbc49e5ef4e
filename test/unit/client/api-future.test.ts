import { describe, expect, it } from 'vitest';
import { DeferredFuture } from '../../../src/client/api-future.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import { promisesSettled } from '../../helpers/settled.ts';

function setUp(options: { signal?: AbortSignal; timeoutMs?: number } = {}) {
  const clock = new ManualClock();
  const logger = recordingLogger();
  let detached = 0;
  const future = new DeferredFuture<number>({
    method: 'forward',
    clock,
    logger,
    onDetach: () => detached++,
    ...options,
  });
  return { clock, logger, future, detachedCount: () => detached };
}

describe('ApiFuture (FUT-1)', () => {
  it('goes from queued through submitted to completed, and resolves', async () => {
    const { future } = setUp();
    expect([future.status, future.requestId]).toEqual(['queued', undefined]);
    future.noteSubmitted('r1');
    expect([future.status, future.requestId]).toEqual(['submitted', 'r1']);
    future.resolve(7);
    expect(future.status).toBe('completed');
    await expect(future).resolves.toBe(7);
    await expect(future.result()).resolves.toBe(7);
    await expect(future.finally(() => undefined)).resolves.toBe(7);
  });

  it('rejects with CancelledError on cancel, once, and tells its maker', async () => {
    const { future, detachedCount } = setUp();
    future.cancel();
    future.cancel();
    future.resolve(1);
    await expect(future).rejects.toMatchObject({ code: 'cancelled', category: 'cancelled' });
    expect([future.status, detachedCount()]).toEqual(['detached', 1]);
  });

  it('rejects with the reason of its signal, also one that has aborted already', async () => {
    const reason = new Error('mine');
    const controller = new AbortController();
    const { future } = setUp({ signal: controller.signal });
    controller.abort(reason);
    await expect(future).rejects.toBe(reason);
    await expect(setUp({ signal: controller.signal }).future).rejects.toBe(reason);
  });

  it('rejects at its deadline, and leaves no timer when it is earlier', async () => {
    const late = setUp({ timeoutMs: 50 });
    late.clock.advance(50);
    await expect(late.future).rejects.toMatchObject({ code: 'timeout' });
    const early = setUp({ timeoutMs: 50 });
    early.future.resolve(1);
    await promisesSettled();
    expect(early.clock.pendingCount).toBe(0);
  });

  it('lets the operation run when only the waiting ends', async () => {
    const { future, clock, detachedCount } = setUp();
    const waiting = future.result({ timeoutMs: 10 });
    clock.advance(10);
    await expect(waiting).rejects.toMatchObject({ code: 'timeout' });
    expect([future.status, detachedCount()]).toEqual(['queued', 0]);
    future.resolve(3);
    await expect(future).resolves.toBe(3);
  });

  it('logs a failure that nobody awaits, and none that somebody comes to later', async () => {
    const unobserved = setUp();
    unobserved.future.reject(new Error('lost'));
    await promisesSettled();
    unobserved.clock.advance(1000);
    expect(unobserved.logger.lines).toEqual([
      { level: 'warn', message: 'forward failed and nobody awaits it' },
    ]);
    const observed = setUp();
    observed.future.reject(new Error('seen'));
    await promisesSettled();
    await expect(observed.future).rejects.toThrow('seen');
    observed.clock.advance(1000);
    expect(observed.logger.lines).toEqual([]);
  });

  it('tells where the request stands, the latest also to a new listener', () => {
    const { future } = setUp();
    const change = { request_id: 'r', queue_state: 'paused_capacity', queue_state_reason: 'busy' } as const;
    future.noteQueue(change);
    const seen: unknown[] = [];
    future.on('queue.changed', (event) => seen.push(event));
    expect(seen).toEqual([change]);
  });
});
