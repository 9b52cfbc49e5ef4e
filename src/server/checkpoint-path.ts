import { InvalidArgumentError } from '../core/errors.ts';
import { parseTinkerPath, toTinkerPath, type TinkerPath } from '../core/tinker-path.ts';
import type { CheckpointType } from '../types/checkpoints.ts';
import { HttpError } from './errors.ts';
import type { CheckpointKey, CheckpointKind } from './store/checkpoint-store.ts';

const kindByType = {
  training: 'weights',
  sampler: 'sampler_weights',
  external: 'external_weights',
} as const satisfies Record<CheckpointType, CheckpointKind>;

/** What lists call each kind. */
export const typeByKind = {
  weights: 'training',
  sampler_weights: 'sampler',
  external_weights: 'external',
} as const satisfies Record<CheckpointKind, CheckpointType>;

/** What a tinker path names; 422 for a text that is no such path. */
export function toCheckpointKey(path: string): CheckpointKey {
  const { training_run_id, checkpoint_type, name } = parse(path);
  return { run_id: training_run_id, kind: kindByType[checkpoint_type], name };
}

/** The path of a checkpoint; the opposite of `toCheckpointKey`. */
export function toCheckpointPath({ run_id, kind, name }: CheckpointKey): string {
  return toTinkerPath(run_id, typeByKind[kind], name);
}

function parse(path: string): TinkerPath {
  try {
    return parseTinkerPath(path);
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new HttpError(422, error.message);
    throw error;
  }
}
