import { InvalidResponseError, TinkerError } from '../../core/errors.ts';
import type { ForwardBackwardBody } from '../../http/encode.ts';
import { forwardBackward } from '../../http/endpoints/training.ts';
import type { TurnPlace } from '../../machines/turn-queue.ts';
import type { Datum } from '../../types/datum.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ForwardBackwardInput } from '../../types/training.ts';
import type { ServiceRuntime } from '../runtime.ts';
import type { Submission } from './api-turn.ts';
import { estimateDatumBytes } from './chunking.ts';

export interface ChunkedCall {
  input: ForwardBackwardInput;
  chunks: readonly (readonly Datum[])[];
  forwardOnly: boolean;
  /** All chunks but the first at once, then the first: the server starts when the first arrives (wire-protocol 6.3). */
  parallel: boolean;
}

/** Sends the chunks of one call with consecutive sequence ids. No id is left open for the server to wait for. */
export async function submitChunks(
  { api, config, wireFormat: format, requestBytes }: Pick<ServiceRuntime, 'api' | 'config' | 'wireFormat' | 'requestBytes'>,
  call: ChunkedCall,
  place: TurnPlace,
  options: RequestOptions,
): Promise<Submission> {
  const { input, chunks, forwardOnly, parallel } = call;
  const { loss_fn, loss_fn_config } = input;
  const requestIds: (string | undefined)[] = chunks.map(() => undefined);
  const failures: { index: number; error: Error }[] = [];
  const sent = new Set<number>();

  const { idempotencyKey } = options;
  const post = (body: ForwardBackwardBody): Promise<string> => {
    // One key must not stand for two requests.
    const own = idempotencyKey === undefined ? {} : { idempotencyKey: `${idempotencyKey}-${body.seq_id}` };
    const compress = config.proto_compress_fwdbwd;
    return format.send(async (wireFormat) => {
      const { request_id } = await forwardBackward(api, body, { wireFormat, compress }, { ...options, ...own });
      return request_id;
    });
  };
  const sendChunk = async (index: number): Promise<void> => {
    sent.add(index);
    const seq_id = place.seq_id + index;
    const data = chunks[index] ?? [];
    try {
      const body = { ...place, seq_id, data, loss_fn, loss_fn_config, forward_only: forwardOnly };
      const bytes = data.reduce((sum, datum) => sum + estimateDatumBytes(datum), 0);
      requestIds[index] = await requestBytes.run(bytes, options.signal, () => post(body));
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
  if (failure === undefined) {
    const accepted = requestIds.filter((id) => id !== undefined);
    if (accepted.length === chunks.length) return { kind: 'accepted', requestIds: accepted };
    throw new InvalidResponseError('a chunk was answered without a request id');
  }
  const unsent = chunks.map((_, index) => index).filter((index) => !sent.has(index));
  await Promise.all(unsent.map((index) => fillGap(post, { ...place, seq_id: place.seq_id + index }, chunks)));
  return { kind: 'refused', error: describeFailure(failure, requestIds, chunks.length), takenCount: chunks.length };
}

/** A request without effect for an id that would otherwise stay open: one token, forward only. */
async function fillGap(
  post: (body: ForwardBackwardBody) => Promise<string>,
  place: TurnPlace,
  chunks: ChunkedCall['chunks'],
): Promise<void> {
  const token = firstToken(chunks);
  const datum: Datum = {
    model_input: { chunks: [{ type: 'encoded_text', tokens: Int32Array.of(token) }] },
    loss_fn_inputs: {
      target_tokens: { dtype: 'int64', data: BigInt64Array.of(BigInt(token)), shape: [1] },
      weights: { dtype: 'float32', data: Float32Array.of(0), shape: [1] },
    },
  };
  // Best effort: a server that refuses it has seen the id all the same.
  await post({ ...place, data: [datum], loss_fn: 'cross_entropy', forward_only: true }).catch(() => undefined);
}

function firstToken(chunks: ChunkedCall['chunks']): number {
  const chunk = chunks[0]?.[0]?.model_input.chunks.find(({ type }) => type === 'encoded_text');
  return chunk?.type === 'encoded_text' ? (chunk.tokens[0] ?? 0) : 0;
}

/** The error of the chunk that failed; of a call in several chunks it also says whose gradients already count. */
function describeFailure(
  { index, error }: { index: number; error: Error },
  requestIds: readonly (string | undefined)[],
  count: number,
): Error {
  if (count === 1) return error;
  const accepted = requestIds.flatMap((id, chunk) => (id === undefined ? [] : [chunk]));
  const counted = accepted.length === 0 ? 'none of the others was accepted' : `accepted and counting: ${accepted.join(', ')}`;
  const code = TinkerError.isInstance(error) ? error.code : 'internal';
  return new TinkerError(code, `chunk ${index} of ${count} failed (${counted}): ${error.message}`, {
    cause: error,
    details: { failedChunk: index, acceptedChunks: accepted },
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
