import { create, toBinary } from '@bufbuild/protobuf';
import {
  DType,
  ForwardBackwardOutputSchema,
  SampleResponseSchema,
  StopReason,
} from '../../src/proto/tinker_public_pb.ts';
import { datumCount, sampledTokens, smallDatumTokens, tokensPerDatum } from './sizes.ts';

/** The answers that the bench's server gives: made once, the same bytes to every client. */

const floats = (length: number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length }, (_, index) => -0.5 - (index % 97) / 100).buffer);

const tokens = (length: number): Uint8Array =>
  new Uint8Array(Int32Array.from({ length }, (_, index) => (index * 7919) % 150_000).buffer);

export const sampleResponse = toBinary(
  SampleResponseSchema,
  create(SampleResponseSchema, {
    sequences: [
      { stopReason: StopReason.LENGTH, tokens: tokens(sampledTokens), logprobs: floats(sampledTokens) },
    ],
  }),
);

/** One log-probability for each token of `datums` equal datums, in one record as the hosted service writes it. */
function forwardBackwardOutput(datums: number, tokensEach: number): Uint8Array {
  const offsets = BigInt64Array.from({ length: datums + 1 }, (_, index) => BigInt(index * tokensEach * 4));
  return toBinary(
    ForwardBackwardOutputSchema,
    create(ForwardBackwardOutputSchema, {
      lossFnOutputType: 'TorchLossReturn',
      lossFnOutputs: [
        {
          typeTag: 'TorchLossReturn',
          numDatums: BigInt(datums),
          fields: {
            logprobs: {
              data: floats(datums * tokensEach),
              offsets: new Uint8Array(offsets.buffer),
              dtype: DType.DTYPE_FLOAT32,
            },
          },
        },
      ],
      metrics: { 'loss:sum': 12.5 },
    }),
  );
}

export const smallOutput = forwardBackwardOutput(1, smallDatumTokens);
export const largeOutput = forwardBackwardOutput(datumCount, tokensPerDatum);

/** Answers of the control calls, by path below `/api/v1`. */
export const controlAnswers: Readonly<Record<string, object>> = {
  '/client/config': {},
  '/client/dynamic_config': {},
  '/create_session': { session_id: 'bench-1', type: 'create_session' },
  '/session_heartbeat': { type: 'session_heartbeat' },
  '/telemetry': { status: 'accepted' },
  '/create_model': { request_id: 'model-0' },
  '/get_info': {
    type: 'get_info',
    model_id: 'bench-1:train:0',
    model_data: { model_name: 'bench/model', tokenizer_id: 'bench/model' },
    is_lora: true,
    lora_rank: 8,
  },
  '/create_sampling_session': { sampling_session_id: 'bench-1:sample:0', type: 'create_sampling_session' },
};

/** Results that are JSON, by the first word of the request id. */
export const jsonResults: Readonly<Record<string, object>> = {
  model: { type: 'create_model', model_id: 'bench-1:train:0' },
  optim: { metrics: { 'optimizer/grad_norm:mean': 0.25 } },
};
