import type { CheckpointType } from '../types/checkpoints.ts';
import { InvalidArgumentError } from './errors.ts';

/** The parts of `tinker://<training_run_id>/<kind>/<name>`. */
export interface TinkerPath {
  training_run_id: string;
  checkpoint_type: CheckpointType;
  /** Kind and name, as REST addresses a checkpoint: `weights/0001`. */
  checkpoint_id: string;
  name: string;
}

const typeByKind: Readonly<Record<string, CheckpointType>> = {
  weights: 'training',
  sampler_weights: 'sampler',
  external_weights: 'external',
};

const kindByType: Readonly<Record<CheckpointType, string>> = {
  training: 'weights',
  sampler: 'sampler_weights',
  external: 'external_weights',
};

/** Parses a checkpoint's path (wire-protocol 10.1); unlike the official parser it refuses an empty run id or name. */
export function parseTinkerPath(path: string): TinkerPath {
  const scheme = 'tinker://';
  const parts = path.startsWith(scheme) ? path.slice(scheme.length).split('/') : [];
  const [training_run_id, kind, name] = parts;
  const checkpoint_type = kind === undefined ? undefined : typeByKind[kind];
  if (parts.length !== 3 || !training_run_id || !name || checkpoint_type === undefined) {
    throw new InvalidArgumentError(
      `Invalid checkpoint path: ${path}. It must look like tinker://run-id/weights/name (or sampler_weights, external_weights).`,
      { details: { path } },
    );
  }
  return { training_run_id, checkpoint_type, checkpoint_id: `${kind}/${name}`, name };
}

/** `parseTinkerPath`, and a sampler's path as some servers give it, without a kind: `tinker://run/name` (wire-protocol 13.3). */
export function parseSavedPath(path: string): TinkerPath {
  // `tinker://run/weights` is a path that somebody has not finished.
  const last = path.slice(path.lastIndexOf('/') + 1);
  return parseTinkerPath(Object.hasOwn(typeByKind, last) ? path : withKind(path));
}

/** The whole path of a sampler's weights where a server has left the kind out; any other text as it is. */
export function withKind(path: string): string {
  const [, runId, name] = /^tinker:\/\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  return runId === undefined || name === undefined ? path : toTinkerPath(runId, 'sampler', name);
}

/** The path of a checkpoint; the opposite of `parseTinkerPath`. */
export function toTinkerPath(trainingRunId: string, type: CheckpointType, name: string): string {
  return `tinker://${trainingRunId}/${kindByType[type]}/${name}`;
}
