import { ConflictError } from '../../core/api-errors.ts';
import { delay } from '../../core/clock.ts';
import type { ApiClient } from '../../http/api-client.ts';
import { listRunCheckpoints } from '../../http/endpoints/checkpoints.ts';
import type { TurnPlace } from '../../machines/turn-queue.ts';
import type { CheckpointType } from '../../types/checkpoints.ts';
import type { UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ServiceRuntime } from '../runtime.ts';
import { submitOne, type Call } from './turn-line.ts';

export interface NamedCheckpoint {
  type: CheckpointType;
  name: string;
}

export interface NamedSave {
  width: 1;
  submit: Call<never, never>['submit'];
  /** The path that the server gave: with the result, or in the list where the result never came. */
  toPath(given: string | null | undefined): string | null | undefined;
}

/**
 * A save under a name. A 409 says that the name exists, and is not asked again; but when the answer to an earlier attempt
 * was lost, the checkpoint may be this call's own: one that is younger than the call is.
 */
export function namedSave(
  { api, billing }: Pick<ServiceRuntime, 'api' | 'billing'>,
  checkpoint: NamedCheckpoint,
  post: (place: TurnPlace, options: RequestOptions, onUncertain: () => void) => Promise<UntypedFuture>,
): NamedSave {
  let isUncertain = false;
  let startedAt: number | undefined;
  let found: string | undefined;
  const submit = submitOne(billing, (place, options) => post(place, options, () => (isUncertain = true)));
  return {
    width: 1,
    async submit(place, options) {
      startedAt ??= api.connection.clock.now();
      const submission = await submit(place, options);
      if (submission.kind !== 'refused' || !(submission.error instanceof ConflictError) || !isUncertain)
        return submission;
      found = await findYounger(api, place.model_id, checkpoint, startedAt, options);
      return found === undefined ? submission : { kind: 'accepted', requestIds: [] };
    },
    toPath: (given) => found ?? given,
  };
}

/** How often the list is asked for a checkpoint that the server says exists, and that is still being written. */
const lookCount = 6;

async function findYounger(
  api: ApiClient,
  runId: string,
  { type, name }: NamedCheckpoint,
  than: number,
  { signal }: RequestOptions,
): Promise<string | undefined> {
  for (let look = 0; look < lookCount; look++) {
    if (look > 0) await delay(500 * 2 ** look, api.connection.clock, signal);
    // When the list cannot be had the 409 stands.
    const list = await listRunCheckpoints(api, runId, { signal }).catch(() => undefined);
    // Some servers leave the kind out of `checkpoint_id`.
    const named = list?.checkpoints.find(
      ({ checkpoint_type, checkpoint_id }) =>
        checkpoint_type === type && checkpoint_id.split('/').at(-1) === name,
    );
    if (named !== undefined) return Date.parse(named.time) >= than ? named.tinker_path : undefined;
    if (list === undefined) return undefined;
  }
  return undefined;
}
