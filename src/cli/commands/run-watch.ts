import type { RestClient } from '../../client/rest-client.ts';
import { delay } from '../../core/clock.ts';
import type { Checkpoint } from '../../types/checkpoints.ts';
import type { TrainingRun } from '../../types/runs.ts';
import { withService } from '../connect.ts';
import { isJson, type CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import {
  formatBytes,
  formatLora,
  formatRelativeTime,
  plural,
  withoutControlCharacters,
} from '../format-values.ts';
import { toJsonText } from '../json-text.ts';
import { writeOutput } from '../output.ts';
import type { PrintedResult } from '../result.ts';
import { wholeCheckpoint, wholeRun } from '../whole-json.ts';

export interface WatchOptions {
  /** Seconds between two looks. */
  interval: number;
  /** Ends once there was no request for so many seconds. */
  untilIdle?: number | undefined;
}

type WatchEvent =
  | { event: 'watching'; run: TrainingRun; checkpoints: readonly Checkpoint[] }
  | { event: 'checkpoint'; checkpoint: Checkpoint }
  | { event: 'failed' | 'idle'; run: TrainingRun };

/** What is known of a run at one time. */
interface Look {
  run: TrainingRun;
  checkpoints: readonly Checkpoint[];
}

/**
 * Tells of a run as it goes on: each new checkpoint, and when it fails. Ends with the run, with 1 when it failed, when it
 * is idle for as long as asked, or by Ctrl-C, which is how it is meant to end.
 */
export async function watchRun(
  context: CommandContext,
  runId: string,
  { interval, untilIdle = Number.POSITIVE_INFINITY }: WatchOptions,
): Promise<PrintedResult | undefined> {
  const { signal, clock } = context;
  try {
    return await withService(context, async (rest) => {
      let previous: Look | undefined;
      for (;;) {
        const look = await lookAt(rest, runId, signal);
        for (const event of toEvents(previous, look)) await print(context, event);
        previous = look;
        const { run } = look;
        if (run.corrupted) return { exitCode: exitCodes.failure };
        if (clock.now() - Date.parse(run.last_request_time) >= untilIdle * 1000) {
          await print(context, { event: 'idle', run });
          return undefined;
        }
        await delay(interval * 1000, clock, signal);
      }
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function lookAt(rest: RestClient, runId: string, signal: AbortSignal): Promise<Look> {
  const run = await rest.getTrainingRun(runId, {}, { signal });
  const { items } = await rest.listCheckpoints(runId, { signal });
  return { run, checkpoints: items };
}

/** What is new since the look before; all of it at the first one. */
export function toEvents(previous: Look | undefined, { run, checkpoints }: Look): WatchEvent[] {
  const failed: WatchEvent[] = run.corrupted ? [{ event: 'failed', run }] : [];
  if (previous === undefined) return [{ event: 'watching', run, checkpoints }, ...failed];
  const known = new Set(previous.checkpoints.map(({ tinker_path, time }) => `${tinker_path} ${time}`));
  const fresh = checkpoints
    .filter(({ tinker_path, time }) => !known.has(`${tinker_path} ${time}`))
    .toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
  return [...fresh.map((checkpoint): WatchEvent => ({ event: 'checkpoint', checkpoint })), ...failed];
}

async function print(context: CommandContext, event: WatchEvent): Promise<void> {
  const { format, clock } = context;
  const time = new Date(clock.now()).toISOString();
  const line = isJson(format)
    ? toJsonText({ time, ...toWhole(event) }, 'jsonl')
    : `${time.slice(11, 19)}  ${withoutControlCharacters(describe(event, clock.now()))}`;
  await writeOutput(`${line}\n`);
}

function toWhole(event: WatchEvent): object {
  if (event.event === 'checkpoint') return { ...event, checkpoint: wholeCheckpoint(event.checkpoint) };
  const whole = { event: event.event, run: wholeRun(event.run) };
  return event.event === 'watching'
    ? { ...whole, checkpoints: event.checkpoints.map(wholeCheckpoint) }
    : whole;
}

function describe(event: WatchEvent, now: number): string {
  if (event.event === 'checkpoint') {
    const { checkpoint_type, size_bytes, tinker_path } = event.checkpoint;
    return `New checkpoint (${checkpoint_type}, ${formatBytes(size_bytes)}): ${tinker_path}`;
  }
  const { run } = event;
  const lastRequest = `last request ${formatRelativeTime(run.last_request_time, now)}`;
  switch (event.event) {
    case 'watching':
      return [
        `Watching ${run.training_run_id}: ${run.base_model}`,
        `LoRA ${formatLora(run)}`,
        plural(event.checkpoints.length, 'checkpoint'),
        lastRequest,
      ].join(', ');
    case 'failed':
      return `The run has failed, ${lastRequest}`;
    case 'idle':
      return `The run is idle, ${lastRequest}`;
  }
}
