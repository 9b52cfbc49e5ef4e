import type { CustomLoss, CustomLossValue } from '../../types/custom-loss.ts';
import type { Datum } from '../../types/datum.ts';
import { forwardBackwardResult } from '../results.ts';
import type { ServiceRuntime } from '../runtime.ts';
import { combineOutputs } from './combine.ts';
import { evaluateLoss, toBackwardData, toCustomResult } from './custom-loss.ts';
import type { ForwardCall } from './forward-call.ts';
import { submitChunks } from './submit-chunks.ts';
import { toError } from '../../core/thrown.ts';

export interface CustomCall {
  loss: CustomLoss;
  /** The caller's datums. */
  given: readonly Datum[];
  /** The same, as the forward pass sends them, in the chunks of both passes. */
  chunks: readonly (readonly Datum[])[];
}

/**
 * A custom loss as one call: it holds the head of the line through forward pass, loss and backward pass, so that nothing
 * overtakes it. The ids of the backward pass are taken when that is sent: a loss that fails leaves none behind.
 */
export function customCall(runtime: ServiceRuntime, { loss, given, chunks }: CustomCall): ForwardCall {
  const { parallel_fwdbwd_chunks: parallel } = runtime.config;
  const common = { input: { loss_fn: 'cross_entropy' }, parallel } as const;
  // Kept while the server wants billing in order: the loss is asked once.
  let value: CustomLossValue | undefined;
  let isBackwardPartlySent = false;
  return {
    width: 2 * chunks.length,
    async submit(place, options, steps) {
      if (value === undefined) {
        const call = { ...common, chunks, forwardOnly: true };
        const forward = await submitChunks(runtime, call, place, options);
        if (forward.kind !== 'accepted') return forward;
        try {
          const outputs = await steps.retrieve(forward.requestIds, 'Forward', forwardBackwardResult);
          const output = combineOutputs(outputs);
          value = await evaluateLoss(loss, { given, forward: chunks.flat() }, output, steps.signal);
        } catch (error) {
          return refusedAfterForward(error);
        }
      }
      if (steps.signal.aborted && !isBackwardPartlySent) return refusedAfterForward(steps.signal.reason);
      const backward = await submitChunks(
        runtime,
        { ...common, chunks: toBackwardChunks(chunks, value), forwardOnly: false },
        { ...place, seq_id: place.seq_id + chunks.length },
        options,
      );
      if (backward.kind === 'accepted') return backward;
      if (backward.kind === 'refused')
        return { ...backward, takenCount: chunks.length + backward.takenCount };
      isBackwardPartlySent ||= backward.isPartlySent;
      // The forward pass has been accepted, so the ids of the call can no longer be given to another.
      return { kind: 'paused', isPartlySent: true };
    },
    requestType: 'ForwardBackward',
    decode: forwardBackwardResult,
    finish: (outputs) => {
      const output = combineOutputs(outputs);
      return value === undefined ? output : toCustomResult(output, value);
    },
  };

  function refusedAfterForward(error: unknown) {
    return { kind: 'refused', error: toError(error), takenCount: chunks.length, openIds: [] } as const;
  }
}

/** The chunks of the forward pass again: other ones would take other ids. */
function toBackwardChunks(
  chunks: readonly (readonly Datum[])[],
  { gradients }: CustomLossValue,
): readonly Datum[][] {
  let start = 0;
  return chunks.map((chunk) => {
    const own = gradients.slice(start, start + chunk.length);
    start += chunk.length;
    return toBackwardData(chunk, own);
  });
}
