import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  DType,
  ForwardBackwardOutputSchema,
  SampleResponseSchema,
  StopReason,
  type PromptAltTokensSchema,
  type TensorSchema,
  type TopkLogprobsSchema,
} from '../../proto/tinker_public_pb.ts';
import type { TopkTable } from '../engine/engine.ts';
import { packNumbers } from './packed-numbers.ts';
import type { TargetLayout } from './prompt-targets.ts';
import { outputType, type SampleOutput, type TrainingOutput } from './results.ts';

/** Bytes of a ForwardBackwardOutput (wire-protocol 4.3): data of equal trailing shape share a record. */
export function toTrainingProtobuf(output: TrainingOutput): Uint8Array {
  const message = create(ForwardBackwardOutputSchema, {
    lossFnOutputType: outputType,
    lossFnOutputs: groupByTrailingShape(output.logprobs).map((group) => ({
      typeTag: outputType,
      numDatums: BigInt(group.length),
      fields: {
        logprobs: {
          ...packBatch(group.map(({ values }) => values)),
          dtype: DType.DTYPE_FLOAT32,
          trailingShape: (group[0]?.shape ?? []).slice(1).map(BigInt),
        },
      },
    })),
    metrics: output.metrics,
  });
  return toBinary(ForwardBackwardOutputSchema, message);
}

export function toSampleProtobuf(result: SampleOutput): Uint8Array {
  const { promptLogprobs, topkPrompt, targetLogprobs, targetLayout, alternatives } = result;
  const message = create(SampleResponseSchema, {
    sequences: result.sequences.map(({ tokens, logprobs, stopReason, topk }) => ({
      stopReason: stopReason === 'stop' ? StopReason.STOP : StopReason.LENGTH,
      tokens: packNumbers(tokens),
      ...(logprobs.length === 0 ? {} : { logprobs: packNumbers(logprobs) }),
      ...(topk === undefined ? {} : { topkSampledLogprobs: toTopkMessage(topk) }),
    })),
    ...(promptLogprobs === undefined ? {} : { promptLogprobs: packNumbers(promptLogprobs) }),
    ...(topkPrompt === undefined ? {} : { topkPromptLogprobs: toTopkMessage(topkPrompt) }),
    ...(targetLogprobs === undefined || targetLayout === undefined
      ? {}
      : { targetPromptLogprobs: toTargetTensor(targetLogprobs, targetLayout) }),
    ...(alternatives === undefined ? {} : { promptAltTokens: toAlternatives(alternatives) }),
  });
  return toBinary(SampleResponseSchema, message);
}

function toTopkMessage({
  tokenIds,
  logprobs,
  k,
  length,
}: TopkTable): MessageInitShape<typeof TopkLogprobsSchema> {
  return { tokenIds: packNumbers(tokenIds), logprobs: packNumbers(logprobs), k, length };
}

function toTargetTensor(
  logprobs: Float32Array,
  { shape, rows }: TargetLayout,
): MessageInitShape<typeof TensorSchema> {
  const values = packNumbers(logprobs);
  return {
    dtype: DType.DTYPE_FLOAT32,
    shape: shape.map(BigInt),
    encoding:
      rows === undefined
        ? { case: 'dense', value: values }
        : {
            case: 'sparseCsr',
            value: { values, crowIndices: packNumbers(rows.crow), colIndices: packNumbers(rows.col) },
          },
  };
}

function toAlternatives({
  tokens,
  logprobs,
  k,
}: NonNullable<SampleOutput['alternatives']>): MessageInitShape<typeof PromptAltTokensSchema> {
  const shape = [BigInt(tokens.length / k), BigInt(k)];
  return {
    tokens: { dtype: DType.DTYPE_INT32, shape, encoding: { case: 'dense', value: packNumbers(tokens) } },
    logprobs: {
      dtype: DType.DTYPE_FLOAT32,
      shape,
      encoding: { case: 'dense', value: packNumbers(logprobs) },
    },
  };
}

type Entry = TrainingOutput['logprobs'][number];

function groupByTrailingShape(entries: readonly Entry[]): Entry[][] {
  const groups: Entry[][] = [];
  let last: string | undefined;
  for (const entry of entries) {
    const trailing = entry.shape.slice(1).join();
    if (trailing === last) groups.at(-1)?.push(entry);
    else groups.push([entry]);
    last = trailing;
  }
  return groups;
}

/** All values in one buffer; offsets are in bytes, one more than there are arrays. */
function packBatch(arrays: readonly Float32Array[]): { data: Uint8Array; offsets: Uint8Array } {
  const offsets = new BigInt64Array(arrays.length + 1);
  const data = new Float32Array(arrays.reduce((total, { length }) => total + length, 0));
  let written = 0;
  for (const [index, values] of arrays.entries()) {
    data.set(values, written);
    written += values.length;
    offsets[index + 1] = BigInt(written * Float32Array.BYTES_PER_ELEMENT);
  }
  return { data: packNumbers(data), offsets: packNumbers(offsets) };
}
