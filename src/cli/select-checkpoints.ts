import type { Checkpoint, CheckpointType } from '../types/checkpoints.ts';
import { UsageError } from './errors.ts';

/** How people choose among the checkpoints of a run; texts as they were typed. */
export interface CheckpointFilters {
  type?: string | undefined;
  before?: string | undefined;
  after?: string | undefined;
}

const types: ReadonlyMap<string, CheckpointType> = new Map([
  ['weights', 'training'],
  ['training', 'training'],
  ['sampler_weights', 'sampler'],
  ['sampler', 'sampler'],
  ['external_weights', 'external'],
  ['external', 'external'],
]);

/** Whether a checkpoint fits all filters. Throws UsageError for a filter that cannot be read. Dates are exclusive. */
export function toSelection({ type, before, after }: CheckpointFilters): (checkpoint: Checkpoint) => boolean {
  const wanted = type === undefined ? undefined : types.get(type);
  if (type !== undefined && wanted === undefined) {
    const valid = 'Valid types: weights, sampler_weights, external_weights';
    throw new UsageError(`Invalid checkpoint type: ${type}`, valid);
  }
  const end = toTime(before) ?? Number.POSITIVE_INFINITY;
  const start = toTime(after) ?? Number.NEGATIVE_INFINITY;
  return (checkpoint) => {
    const time = Date.parse(checkpoint.time);
    return (wanted === undefined || checkpoint.checkpoint_type === wanted) && time < end && time > start;
  };
}

/** A date alone is midnight UTC, and a time without a zone is UTC too. */
function toTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text);
  const time =
    match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`);
  if (Number.isNaN(time)) {
    throw new UsageError(`Invalid date: ${text}`, 'Use ISO 8601: 2026-01-01, or 2026-01-01T12:00:00Z');
  }
  return time;
}
