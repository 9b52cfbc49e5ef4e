import { InvalidResponseError, TinkerError } from '../../core/errors.ts';
import { toError } from '../../core/thrown.ts';
import type { TurnPlace } from '../../machines/turn-queue.ts';
import type { Datum } from '../../types/datum.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ServiceRuntime } from '../runtime.ts';
import type { Submission } from './api-turn.ts';
import type { CheckedInput } from './check-data.ts';
import { estimateDatumBytes } from './chunking.ts';
import { withDoubt } from './doubt.ts';
import { hasTakenId } from './open-ids.ts';
import { postChunk } from './post-chunk.ts';

export interface ChunkedCall {
  input: Pick<CheckedInput, 'loss_fn' | 'loss_fn_config'>;
  chunks: readonly (readonly Datum[])[];
  forwardOnly: boolean;
  /** All chunks but the first at once, then the first: the server starts when the first arrives (wire-protocol 6.3). */
  parallel: boolean;
}

/** Sends the chunks of one call with consecutive sequence ids; after a failure no further ones. */
export async function submitChunks(
  runtime: ServiceRuntime,
  call: ChunkedCall,
  place: TurnPlace,
  options: RequestOptions,
): Promise<Submission> {
  const { input, chunks, forwardOnly, parallel } = call;
  const { loss_fn, loss_fn_config } = input;
  const requestIds: (string | undefined)[] = chunks.map(() => undefined);
  const failures: ChunkFailure[] = [];

  const { idempotencyKey } = options;
  const sendChunk = async (index: number): Promise<void> => {
    const seq_id = place.seq_id + index;
    const data = chunks[index] ?? [];
    // One key must not stand for two requests.
    const own = idempotencyKey === undefined ? {} : { idempotencyKey: `${idempotencyKey}-${seq_id}` };
    try {
      const body = { ...place, seq_id, data, loss_fn, loss_fn_config, forward_only: forwardOnly };
      const bytes = data.reduce((sum, datum) => sum + estimateDatumBytes(datum), 0);
      const post = (): Promise<string> => postChunk(runtime, body, { ...options, ...own });
      requestIds[index] = await runtime.requestBytes.run(bytes, options.signal, post);
    } catch (error) {
      failures.push({ index, error: toError(error) });
    }
  };

  const rest = chunks.map((_, index) => index).slice(1);
  if (parallel && chunks.length > 1) {
    await Promise.all(rest.map(sendChunk));
    if (failures.length === 0) await sendChunk(0);
  } else {
    for (let index = 0; index < chunks.length && failures.length === 0; index++) await sendChunk(index);
  }
  const [failure] = failures;
  const accepted = requestIds.filter((id) => id !== undefined);
  if (failure === undefined) {
    if (accepted.length === chunks.length) return { kind: 'accepted', requestIds: accepted };
    throw new InvalidResponseError('a chunk was answered without a request id');
  }
  if (failures.some(({ error }) => runtime.billing.pausesFor(error))) {
    return { kind: 'paused', isPartlySent: accepted.length > 0 };
  }
  return {
    kind: 'refused',
    error: describeFailure(
      forwardOnly ? failure : { ...failure, error: withDoubt(failure.error) },
      requestIds,
      chunks.length,
    ),
    takenCount: chunks.length,
    openIds: toOpenIndexes(requestIds, failures).map((index) => place.seq_id + index),
  };
}

interface ChunkFailure {
  index: number;
  error: Error;
}

/** The chunks that were never sent, and those of which nobody knows whether they arrived. */
function toOpenIndexes(
  requestIds: readonly (string | undefined)[],
  failures: readonly ChunkFailure[],
): number[] {
  const judged = new Set(failures.filter(({ error }) => hasTakenId(error)).map(({ index }) => index));
  return requestIds.flatMap((id, index) => (id === undefined && !judged.has(index) ? [index] : []));
}

/** The error of the chunk that failed; of a call in several chunks it also says whose gradients already count. */
function describeFailure(
  { index, error }: ChunkFailure,
  requestIds: readonly (string | undefined)[],
  count: number,
): Error {
  if (count === 1) return error;
  const accepted = requestIds.flatMap((id, chunk) => (id === undefined ? [] : [chunk]));
  const counted =
    accepted.length === 0
      ? 'none of the others was accepted'
      : `accepted and counting: ${accepted.join(', ')}`;
  const code = TinkerError.isInstance(error) ? error.code : 'internal';
  return new TinkerError(code, `chunk ${index} of ${count} failed (${counted}): ${error.message}`, {
    cause: error,
    details: { failedChunk: index, acceptedChunks: accepted },
  });
}
