import { describe, expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import { ConnectionError, DownloadError } from '../../src/core/errors.ts';
import { createLogger } from '../../src/core/logger.ts';
import { outcomeOf } from '../../src/machines/bridge.ts';
import type { DownloadPorts, SourceResolution, TransferResult } from '../../src/machines/download-ports.ts';
import { downloadStateOf } from '../../src/machines/download-state.ts';
import { downloadMachine } from '../../src/machines/download.machine.ts';
import { startActor } from '../../src/machines/start-actor.ts';

const ready: SourceResolution = {
  kind: 'ready',
  source: { kind: 'archive', url: 'http://store/archive?signature=x', expires: '' },
};
const broken = new ConnectionError('it broke');
const result = { tinker_path: 'tinker://run/weights/a', destination: '/data/a', size_bytes: 0, files: [] };

interface Script {
  resolutions?: Array<Awaited<ReturnType<DownloadPorts['resolveSource']>>>;
  transfers?: Array<TransferResult | Promise<TransferResult>>;
  ports?: Partial<DownloadPorts>;
  retryLimit?: number;
}

/** A download whose steps end as the script says, and as they should when it says nothing. */
function run({ resolutions = [], transfers = [], ports = {}, retryLimit = 3 }: Script) {
  const clock = new ManualClock();
  const slots = { held: 0, granted: 0 };
  /** Whether it went before others, each time it queued. */
  const wasFirst: boolean[] = [];
  const cleanUps: Array<{ keep: boolean }> = [];
  const signals: AbortSignal[] = [];
  const actor = startActor(downloadMachine, {
    clock,
    logger: createLogger('silent', () => undefined),
    input: {
      tinkerPath: 'tinker://run/weights/a',
      destination: '/data/a',
      force: false,
      random: () => 0,
      retryLimit,
      pendingLimitMs: 60_000,
      ports: {
        inspectDestination: () => Promise.resolve({ kind: 'absent' }),
        resolveSource: () => Promise.resolve(resolutions.shift() ?? ready),
        holdSlot: (_source, { isFirst }, onGranted) => {
          slots.held++;
          wasFirst.push(isFirst);
          slots.granted++;
          queueMicrotask(() => onGranted({ expired: false }));
          return () => slots.held--;
        },
        transfer: (_source, signal) => {
          signals.push(signal);
          return Promise.resolve(transfers.shift() ?? { kind: 'placed' });
        },
        verify: () => Promise.resolve({ kind: 'intact' }),
        extract: () => Promise.resolve({ kind: 'extracted' }),
        finalize: () => Promise.resolve({ kind: 'ok', value: result }),
        discard: () => Promise.resolve({ kind: 'ok', value: undefined }),
        cleanUp: (options) => {
          cleanUps.push(options);
          return Promise.resolve();
        },
        ...ports,
      },
    },
  });
  const told: object[] = [];
  actor.on('*', (event) => told.push(event));
  onTestFinished(() => void actor.stop());
  const untilIn = (state: string) =>
    expect.poll(() => downloadStateOf(actor.getSnapshot().value), { interval: 1 }).toBe(state);
  return { actor, clock, slots, wasFirst, cleanUps, signals, told, untilIn, outcome: outcomeOf(actor) };
}

function transient(receivedBytes?: number, retryAfterMs?: number): TransferResult {
  return { kind: 'transient', error: broken, receivedBytes, retryAfterMs };
}

describe('a running download', () => {
  test('goes through to its result without a wait when nothing fails', async () => {
    const { outcome, clock } = run({});
    expect(await outcome).toEqual({ status: 'done', result });
    expect(clock.pendingCount).toBe(0);
  });

  test('waits one second, then two, then what the server wishes, and gives its slot to others meanwhile', async () => {
    const { clock, slots, wasFirst, told, untilIn, outcome } = run({
      transfers: [transient(), transient(), transient(0, 7000)],
    });
    for (const waitMs of [1000, 2000, 7000]) {
      await untilIn('backingOff');
      expect(slots.held).toBe(0);
      clock.advance(waitMs - 1);
      expect(clock.pendingCount).toBe(1);
      clock.advance(1);
      expect(clock.pendingCount).toBe(0);
    }
    expect(await outcome).toMatchObject({ status: 'done' });
    expect(slots).toEqual({ held: 0, granted: 4 });
    expect(wasFirst).toEqual([false, true, true, true]);
    const what = 'the download of tinker://run/weights/a';
    expect(told).toEqual([
      { type: 'retry.scheduled', what, attempt: 1, delayMs: 1000, reason: 'it broke' },
      { type: 'retry.scheduled', what, attempt: 2, delayMs: 2000, reason: 'it broke' },
      { type: 'retry.scheduled', what, attempt: 3, delayMs: 7000, reason: 'it broke' },
    ]);
  });

  test('asks for a pending archive when the server wishes, else after half a minute', async () => {
    const { clock, told, untilIn, outcome } = run({
      resolutions: [{ kind: 'pending', retryAfterMs: 5000 }, { kind: 'pending' }],
    });
    await untilIn('pending');
    clock.advance(5000);
    await untilIn('pending');
    clock.advance(29_999);
    expect(clock.pendingCount).toBe(1);
    clock.advance(1);
    expect(await outcome).toMatchObject({ status: 'done' });
    expect(told).toEqual([
      { type: 'archive.pending', waitMs: 5000 },
      { type: 'archive.pending', waitMs: 30_000 },
    ]);
  });

  test('gives up on an archive that is pending for longer than the limit', async () => {
    const { clock, untilIn, outcome } = run({
      resolutions: [{ kind: 'pending' }, { kind: 'pending' }, { kind: 'pending' }],
    });
    for (let round = 0; round < 2; round++) {
      await untilIn('pending');
      clock.advance(30_000);
    }
    expect(await outcome).toMatchObject({ status: 'failed', error: { code: 'archive_pending' } });
  });

  test('fails with the last error when the limit of failures without progress is reached, and keeps what was fetched', async () => {
    const { clock, cleanUps, untilIn, outcome } = run({
      retryLimit: 1,
      transfers: [transient(10), transient(10)],
    });
    await untilIn('backingOff');
    clock.advance(1000);
    expect(await outcome).toEqual({ status: 'failed', error: broken });
    expect(cleanUps).toEqual([{ keep: true }]);
  });

  test('starts counting anew with every byte of progress', async () => {
    const transfers = [transient(10), transient(20), transient(30), transient(40)];
    const { clock, told, untilIn, outcome } = run({ retryLimit: 1, transfers });
    for (let round = 0; round < 4; round++) {
      await untilIn('backingOff');
      clock.advance(1000);
    }
    expect(await outcome).toMatchObject({ status: 'done' });
    expect(told).toHaveLength(4);
  });

  test('waits for descriptors that others will close, and fails when none become free', async () => {
    const error = new DownloadError('file_access', 'too many open files', { details: { errno: 'EMFILE' } });
    const { clock, untilIn, cleanUps, outcome } = run({
      retryLimit: 1,
      transfers: [
        { kind: 'failed', error },
        { kind: 'failed', error },
      ],
    });
    await untilIn('backingOff');
    clock.advance(1000);
    expect(await outcome).toEqual({ status: 'failed', error });
    expect(cleanUps).toEqual([{ keep: true }]);
  });

  test('keeps nothing of an archive that is unsafe', async () => {
    const error = new DownloadError('unsafe_archive', 'it climbs out');
    const { cleanUps, outcome } = run({
      ports: { verify: () => Promise.resolve({ kind: 'failed', error }) },
    });
    expect(await outcome).toEqual({ status: 'failed', error });
    expect(cleanUps).toEqual([{ keep: false }]);
  });

  test('a cancel aborts what runs, gives the slot back and cleans up before it ends with the reason', async () => {
    const cleaned = Promise.withResolvers<void>();
    const cleanUps: object[] = [];
    const { actor, slots, signals, untilIn, outcome } = run({
      transfers: [new Promise(() => undefined)],
      ports: {
        cleanUp(options) {
          cleanUps.push(options);
          return cleaned.promise;
        },
      },
    });
    await untilIn('transferring');
    expect(slots.held).toBe(1);
    actor.send({ type: 'cancel', reason: 'enough', keep: true });
    expect(signals[0]?.aborted).toBe(true);
    expect(slots.held).toBe(0);
    expect(downloadStateOf(actor.getSnapshot().value)).toBe('cancelling');
    expect(cleanUps).toEqual([{ keep: true }]);
    cleaned.resolve();
    expect(await outcome).toEqual({ status: 'cancelled', reason: 'enough' });
  });

  test('a pause aborts what runs and gives the slot back; resuming looks at everything again', async () => {
    const { actor, slots, signals, untilIn, outcome } = run({ transfers: [new Promise(() => undefined)] });
    await untilIn('transferring');
    actor.send({ type: 'pause' });
    actor.send({ type: 'pause' });
    expect(downloadStateOf(actor.getSnapshot().value)).toBe('paused');
    expect(signals[0]?.aborted).toBe(true);
    expect(slots.held).toBe(0);
    actor.send({ type: 'resume' });
    expect(downloadStateOf(actor.getSnapshot().value)).toBe('inspecting');
    expect(await outcome).toEqual({ status: 'done', result });
    expect(slots.granted).toBe(2);
  });

  test('unpacks what came as an archive before it is verified', async () => {
    const { actor, outcome } = run({ transfers: [{ kind: 'packed' }] });
    const states: string[] = [];
    actor.subscribe(({ value }) => states.push(downloadStateOf(value)));
    expect(await outcome).toMatchObject({ status: 'done' });
    expect(states.slice(-4)).toEqual(['extracting', 'verifying', 'finalizing', 'done']);
  });

  test('a stop from outside gives the slot back as well', async () => {
    const { actor, slots, untilIn, outcome } = run({ transfers: [new Promise(() => undefined)] });
    await untilIn('transferring');
    actor.stop();
    expect(slots.held).toBe(0);
    await expect(outcome).rejects.toMatchObject({ code: 'client_closed' });
  });
});
