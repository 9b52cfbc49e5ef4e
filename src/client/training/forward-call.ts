import type { Datum } from '../../types/datum.ts';
import type { ForwardBackwardOutput } from '../../types/training.ts';
import { forwardBackwardResult } from '../results.ts';
import type { ServiceRuntime } from '../runtime.ts';
import type { CheckedInput } from './check-data.ts';
import { toChunks } from './chunking.ts';
import { combineOutputs } from './combine.ts';
import { submitChunks } from './submit-chunks.ts';
import type { Call } from './turn-line.ts';

export type ForwardCall = Omit<Call<ForwardBackwardOutput, ForwardBackwardOutput>, 'method'>;

/** forward or forward_backward of checked input, in as many requests as the server's limits make of it. */
export function forwardCall(runtime: ServiceRuntime, input: CheckedInput, forwardOnly: boolean): ForwardCall {
  const chunks = toChunksOf(runtime, input.data);
  const call = { input, chunks, forwardOnly, parallel: runtime.config.parallel_fwdbwd_chunks };
  return {
    width: chunks.length,
    submit: (place, options) => submitChunks(runtime, call, place, options),
    requestType: forwardOnly ? 'Forward' : 'ForwardBackward',
    decode: forwardBackwardResult,
    finish: combineOutputs,
  };
}

export function toChunksOf({ config }: Pick<ServiceRuntime, 'config'>, data: readonly Datum[]): Datum[][] {
  const { fwdbwd_max_chunk_len: datumCount, fwdbwd_max_chunk_bytes_count: bytes } = config;
  return toChunks(data, { datumCount, bytes });
}
