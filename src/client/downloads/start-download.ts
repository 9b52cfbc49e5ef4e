import type { Clock } from '../../core/clock.ts';
import { Emitter } from '../../core/emitter.ts';
import type { Random } from '../../core/random.ts';
import { serializeError } from '../../core/serialize-error.ts';
import { outcomeOf } from '../../machines/bridge.ts';
import { downloadStateOf } from '../../machines/download-state.ts';
import { downloadMachine } from '../../machines/download.machine.ts';
import { startActor } from '../../machines/start-actor.ts';
import type { DownloadEvents, DownloadResult, DownloadState } from '../../types/downloads.ts';
import { relay } from '../relay.ts';
import { DownloadSteps, type DownloadStepsOptions } from './download-steps.ts';
import { CheckpointDownload, type DownloadRun } from './checkpoint-download.ts';

export interface StartDownloadOptions extends Omit<DownloadStepsOptions, 'onProgress'> {
  signal: AbortSignal | undefined;
  clock: Clock;
  random: Random;
  retryLimit: number;
  pendingLimitMs: number;
  /** Gets every event of the download too. */
  onEvent: <Name extends keyof DownloadEvents>(name: Name, payload: DownloadEvents[Name]) => void;
}

export interface StartedDownload {
  handle: CheckpointDownload;
  run: DownloadRun;
  /** Has it cancelled by another signal too. */
  follow: (signal: AbortSignal | undefined) => void;
}

/** Starts the actor of one download and puts the handle around it that users hold. */
export function startDownload(options: StartDownloadOptions): StartedDownload {
  const { tinkerPath, target, force, signal, clock, random, retryLimit, pendingLimitMs, logger, onEvent } =
    options;
  const { destination } = target;
  const emitter = new Emitter<DownloadEvents>(logger, { replay: ['state.changed'] });
  const publish = <Name extends keyof DownloadEvents>(name: Name, payload: DownloadEvents[Name]): void => {
    emitter.emit(name, payload);
    onEvent(name, payload);
  };
  let state: DownloadState = 'inspecting';
  publish('state.changed', { state });
  const ports = new DownloadSteps({
    ...options,
    onProgress: (progress) => publish('progress.updated', progress),
  });
  const actor = startActor(downloadMachine, {
    input: { tinkerPath, destination, force, ports, random, retryLimit, pendingLimitMs },
    clock,
    logger,
  });
  relay<Pick<DownloadEvents, 'retry.scheduled' | 'archive.pending'>>(actor, { emit: publish });
  actor.subscribe({
    next: ({ value }) => {
      const previous = state;
      state = downloadStateOf(value);
      if (state !== previous) publish('state.changed', { state, previous });
    },
    // The outcome tells it.
    error: () => undefined,
  });
  const send = (event: Parameters<typeof actor.send>[0]): void => {
    if (actor.getSnapshot().status === 'active') actor.send(event);
  };
  const cancel: DownloadRun['cancel'] = (reason, { keep }) => send({ type: 'cancel', reason, keep });
  const unfollow: Array<() => void> = [];
  const follow = (followed: AbortSignal | undefined): void => {
    const onAbort = (): void => cancel(followed?.reason, { keep: true });
    if (followed?.aborted) onAbort();
    followed?.addEventListener('abort', onAbort, { once: true });
    unfollow.push(() => followed?.removeEventListener('abort', onAbort));
  };
  follow(signal);

  const settle = async (): Promise<DownloadResult> => {
    try {
      const output = await outcomeOf(actor);
      if (output.status === 'cancelled') throw output.reason;
      if (output.status === 'failed') {
        publish('download.failed', { code: serializeError(output.error).code, error: output.error.message });
        throw output.error;
      }
      publish('download.completed', output.result);
      return output.result;
    } finally {
      for (const remove of unfollow) remove();
      emitter.end();
    }
  };
  const run: DownloadRun = {
    get state() {
      return state;
    },
    outcome: settle(),
    cancel,
    pause: () => send({ type: 'pause' }),
    resume: () => send({ type: 'resume' }),
  };
  return {
    handle: CheckpointDownload.create({ tinkerPath, destination, run, emitter, logger }),
    run,
    follow,
  };
}
