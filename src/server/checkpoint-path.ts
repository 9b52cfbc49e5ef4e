import { InvalidArgumentError } from '../core/errors.ts';
import { parseTinkerPath, toTinkerPath, type TinkerPath } from '../core/tinker-path.ts';
import { HttpError } from './errors.ts';
import type { CheckpointKey } from './store/checkpoint-store.ts';

/** What a tinker path names: 422 for a text that is no such path, 404 for a kind that this server does not make. */
export function toCheckpointKey(path: string): CheckpointKey {
  const { training_run_id, checkpoint_type, name } = parse(path);
  if (checkpoint_type === 'external') throw new HttpError(404, `Unknown checkpoint ${path}`);
  return {
    run_id: training_run_id,
    kind: checkpoint_type === 'training' ? 'weights' : 'sampler_weights',
    name,
  };
}

/** The path of a checkpoint; the opposite of `toCheckpointKey`. */
export function toCheckpointPath({ run_id, kind, name }: CheckpointKey): string {
  return toTinkerPath(run_id, kind === 'weights' ? 'training' : 'sampler', name);
}

function parse(path: string): TinkerPath {
  try {
    return parseTinkerPath(path);
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new HttpError(422, error.message);
    throw error;
  }
}
