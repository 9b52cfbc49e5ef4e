import type { SpanLists } from './provenance-spans.ts';
import type { RequestTensor } from './tensor.ts';

/** A forward or forward_backward request as both wire formats carry it; not yet checked against the model or the loss. */
export interface TrainingRequest {
  modelId: string;
  /** Undefined when the client does not count. */
  seqId: number | undefined;
  loss: string;
  lossConfig: Record<string, number | string>;
  forwardOnly: boolean;
  data: RequestDatum[];
}

export interface RequestDatum {
  tokens: Int32Array;
  inputs: Map<string, RequestTensor>;
  /** Only protobuf carries them: JSON is older than they are. */
  spans?: SpanLists | undefined;
}

/** Joins the text chunks of one input. */
export function concatTokens(chunks: readonly Int32Array[]): Int32Array {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const tokens = new Int32Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    tokens.set(chunk, offset);
    offset += chunk.length;
  }
  return tokens;
}
