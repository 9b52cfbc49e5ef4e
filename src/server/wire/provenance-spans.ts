import type { ProvenanceSpan } from '../../proto/tinker_public_pb.ts';
import { HttpError } from '../errors.ts';

/** The two lists of a datum: runs that tell where the tokens of its input and its targets come from (wire-protocol 3.4). */
export interface SpanLists {
  model_input_spans: readonly ProvenanceSpan[];
  loss_fn_input_spans: readonly ProvenanceSpan[];
}

/** No loss here reads them, but lists that do not tile the datum are refused, as they could not be meant. */
export function checkSpans(
  lists: SpanLists,
  tokenCount: number,
  targetShape: readonly number[],
  where: string,
): void {
  const { model_input_spans: ofInput, loss_fn_input_spans: ofTargets } = lists;
  if (ofInput.length === 0 || ofTargets.length === 0) {
    throw new HttpError(
      422,
      `${where}: model_input_spans and loss_fn_input_spans are given together or not at all`,
    );
  }
  checkTiles(ofInput, tokenCount, `${where}.model_input_spans`, 'model_input has');
  const [targetCount = 0] = targetShape;
  checkTiles(ofTargets, targetCount, `${where}.loss_fn_input_spans`, 'target_tokens have');
}

function checkTiles(spans: readonly ProvenanceSpan[], expected: number, where: string, what: string): void {
  let total = 0n;
  for (const [index, { span }] of spans.entries()) {
    if (span.case === undefined) throw new HttpError(422, `${where}[${index}] is empty`);
    const { sequenceId, offset, length } = span.value;
    if (sequenceId === '') throw new HttpError(422, `${where}[${index}] has no sequence_id`);
    if (offset < 0n || length < 0n)
      throw new HttpError(422, `${where}[${index}]: offset and length must not be negative`);
    total += length;
  }
  if (total !== BigInt(expected)) {
    throw new HttpError(422, `${where} cover ${total} positions, but ${what} ${expected}`);
  }
}
