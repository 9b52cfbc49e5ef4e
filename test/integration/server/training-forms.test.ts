import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DType,
  ForwardBackwardOutputSchema,
  ForwardBackwardRequestSchema,
  type ProvenanceSpanSchema,
  type TensorSchema,
} from '../../../src/proto/tinker_public_pb.ts';
import { startServer, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let modelId: string;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
  modelId = await client.createModel();
});
afterAll(() => running[Symbol.asyncDispose]());

type TensorForm = MessageInitShape<typeof TensorSchema>;
type RequestForm = MessageInitShape<typeof ForwardBackwardRequestSchema>;

const pack = (values: Int32Array | BigInt64Array | Float32Array) => new Uint8Array(values.buffer);
const ints = (values: number[]) => pack(BigInt64Array.from(values, BigInt));
const floats = (values: number[]) => pack(Float32Array.from(values));
const tokens = { case: 'encodedText', value: { tokens: pack(Int32Array.of(5, 6, 7)) } } as const;

const dense = (dtype: DType, value: Uint8Array, shape: bigint[]): TensorForm => ({
  dtype,
  shape,
  encoding: { case: 'dense', value },
});
const denseInts = (values: number[], shape = [BigInt(values.length)]) =>
  dense(DType.DTYPE_INT64, ints(values), shape);
const denseFloats = (values: number[], shape = [BigInt(values.length)]) =>
  dense(DType.DTYPE_FLOAT32, floats(values), shape);
const sparse = (dtype: DType, values: Uint8Array, crow: number[], col: number[]): TensorForm => ({
  dtype,
  shape: [3n, 2n],
  encoding: {
    case: 'sparseCsr',
    value: { values, crowIndices: ints(crow), colIndices: ints(col) },
  },
});

/** A forward of one datum whose answer is the message, and the metric of its loss. */
async function forward(lossFnInputs: Record<string, TensorForm>, changes: RequestForm = {}, spans = {}) {
  const answer = await send(lossFnInputs, changes, spans);
  expect([answer.status, answer.json]).toEqual([200, expect.anything()]);
  const result = await client.outcome(answer.json.request_id, { accept: 'application/x-protobuf' });
  return fromBinary(ForwardBackwardOutputSchema, result.bytes);
}

function send(lossFnInputs: Record<string, TensorForm>, changes: RequestForm = {}, spans = {}) {
  const data = [{ modelInput: [{ chunk: tokens }], lossFnInputs, ...spans }];
  const message = { modelId, lossFn: 'cross_entropy', forwardOnly: true, data, ...changes };
  return client.post(
    'forward_backward',
    toBinary(ForwardBackwardRequestSchema, create(ForwardBackwardRequestSchema, message)),
  );
}

/** The same in the JSON of older clients. */
async function forwardJson(loss_fn: string, loss_fn_inputs: object, loss_fn_config?: object) {
  const data = [{ model_input: { chunks: [{ tokens: [5, 6, 7] }] }, loss_fn_inputs }];
  return client.run('forward', { model_id: modelId, forward_input: { data, loss_fn, loss_fn_config } });
}

const pairs = [6, 0, 0, 8, 9, 10];
const pairWeights = [1, 0, 0, 0.5, 0.25, 2];
const policy = { target_tokens: denseInts([6, 7, 8]), advantages: denseFloats([1, -1, 2]) };

describe('tensors of a request', () => {
  it('are the same as compressed rows and dense, in protobuf and in JSON (TYP-7, TYP-12)', async () => {
    const plain = await forward({
      target_tokens: denseInts(pairs, [3n, 2n]),
      weights: denseFloats(pairWeights, [3n, 2n]),
    });
    const [record] = plain.lossFnOutputs;
    expect(record?.fields['logprobs']).toMatchObject({ dtype: DType.DTYPE_FLOAT32, trailingShape: [2n] });
    expect(record?.fields['logprobs']?.data).toHaveLength(6 * 4);
    const rows = { crow: [0, 1, 2, 4], col: [0, 1, 0, 1] };
    const compressed = await forward({
      target_tokens: sparse(DType.DTYPE_INT64, ints([6, 8, 9, 10]), rows.crow, rows.col),
      weights: sparse(DType.DTYPE_FLOAT32, floats([1, 0.5, 0.25, 2]), rows.crow, rows.col),
    });
    expect(compressed).toEqual(plain);
    const indices = { shape: [3, 2], sparse_crow_indices: rows.crow, sparse_col_indices: rows.col };
    const older = await forwardJson('cross_entropy', {
      target_tokens: { data: [6, 8, 9, 10], dtype: 'int64', ...indices },
      weights: { data: [1, 0.5, 0.25, 2], dtype: 'float32', ...indices },
    });
    expect(older.metrics).toEqual(plain.metrics);
    expect(older.loss_fn_outputs[0].logprobs).toMatchObject({ shape: [3, 2], dtype: 'float32' });
  });

  it.each<[string, TensorForm, RegExp]>([
    [
      'half a number',
      dense(DType.DTYPE_FLOAT32, Uint8Array.of(1, 2), []),
      /weights: 2 bytes are not a whole/,
    ],
    [
      'no element type',
      { encoding: { case: 'dense', value: floats([1, 1, 1]) } },
      /dtype must be float32 or int64/,
    ],
    [
      'a shape beyond its values',
      denseFloats([1, 1, 1], [2n ** 40n]),
      /shape \[1099511627776\] does not fit/,
    ],
    ['a shape below zero', denseFloats([1, 1, 1], [-3n]), /shape \[-3\] does not fit/],
    ['not a number', denseFloats([1, Number.NaN, 1]), /weights has NaN at position 1/],
    [
      'a column that is not there',
      sparse(DType.DTYPE_FLOAT32, floats([1]), [0, 1, 1, 1], [2]),
      /weights: sparse column 2 is out of range/,
    ],
    [
      'rows that run back',
      sparse(DType.DTYPE_FLOAT32, floats([1]), [0, 1, 0, 1], [0]),
      /weights: sparse row 1 has impossible bounds/,
    ],
    [
      'no indices',
      sparse(DType.DTYPE_FLOAT32, floats([1]), [], []),
      /weights: the index arrays of the sparse tensor do not fit/,
    ],
  ])('with %s are refused by datum and field (TYP-7)', async (_what, weights, reason) => {
    const answer = await send({ target_tokens: denseInts([6, 7, 8]), weights });
    expect([answer.status, answer.json.detail]).toEqual([422, expect.stringMatching(reason)]);
    expect(answer.json.detail).toContain('data[0].loss_fn_inputs');
  });

  it('in JSON with half an index are refused (TYP-7)', async () => {
    const weights = { data: [1], dtype: 'float32', shape: [3, 2], sparse_crow_indices: [0, 0.5, 1, 1] };
    const data = [
      {
        model_input: { chunks: [{ tokens: [5, 6, 7] }] },
        loss_fn_inputs: { weights: { ...weights, sparse_col_indices: [0] } },
      },
    ];
    const answer = await client.post('forward', {
      model_id: modelId,
      forward_input: { data, loss_fn: 'cross_entropy' },
    });
    expect([answer.status, answer.json.detail]).toEqual([422, expect.stringMatching(/impossible bounds/)]);
  });
});

describe('options of a loss', () => {
  const logprobs = denseFloats([-9, -9, -9]);
  const wide = { clip_low_threshold: 0, clip_high_threshold: 1e6 };
  const number = (value: number) => ({ value: { case: 'number', value } as const });

  it('count once though they travel in two fields, and the newer field wins (TRN-2)', async () => {
    const run = (changes: RequestForm) => forward({ ...policy, logprobs }, { lossFn: 'ppo', ...changes });
    const [none, older, both, newer] = await Promise.all([
      run({}),
      run({ lossFnConfig: wide }),
      run({
        lossFnConfig: wide,
        lossFnConfigV2: { clip_low_threshold: number(0), clip_high_threshold: number(1e6) },
      }),
      run({ lossFnConfig: wide, lossFnConfigV2: { clip_low_threshold: number(0.8) } }),
    ]);
    expect(both.metrics).toEqual(older.metrics);
    expect(newer.metrics).toEqual(none.metrics);
    expect(older.metrics).not.toEqual(none.metrics);
  });

  it('of gspo come with its mask, in protobuf and in JSON (TYP-12)', async () => {
    const mask = denseFloats([0, 1, 1]);
    const run = (inputs: Record<string, TensorForm>, loss: string) =>
      forward({ ...policy, logprobs, ...inputs }, { lossFn: loss, lossFnConfig: wide });
    const sequence = await run({ sequence_ratio_mask: mask }, 'gspo');
    const tensor = (data: number[], dtype = 'float32') => ({ data, dtype });
    const older = await forwardJson(
      'gspo',
      {
        target_tokens: tensor([6, 7, 8], 'int64'),
        advantages: tensor([1, -1, 2]),
        logprobs: tensor([-9, -9, -9]),
        sequence_ratio_mask: tensor([0, 1, 1]),
      },
      wide,
    );
    expect(older.metrics).toEqual(sequence.metrics);
    expect((await run({}, 'ppo')).metrics).not.toEqual(sequence.metrics);
  });
});

describe('provenance spans', () => {
  const inputs = { target_tokens: denseInts([6, 7, 8]), weights: denseFloats([1, 1, 1]) };
  const spans = (...lengths: number[]): MessageInitShape<typeof ProvenanceSpanSchema>[] =>
    lengths.map((length) => ({
      span: { case: 'sampledTokens', value: { sequenceId: 'a sequence', length: BigInt(length) } },
    }));

  it('change nothing of the result, and are refused where they do not fit (TYP-33)', async () => {
    const told = await forward(inputs, {}, { modelInputSpans: spans(1, 2), lossFnInputSpans: spans(3) });
    expect(told.metrics).toEqual((await forward(inputs)).metrics);
    const wrong = await send(inputs, {}, { modelInputSpans: spans(1, 2), lossFnInputSpans: spans(2) });
    expect([wrong.status, wrong.json.detail]).toEqual([
      422,
      'data[0].loss_fn_input_spans cover 2 positions, but target_tokens have 3',
    ]);
  });
});

describe('create_model', () => {
  it('takes the few fields of older clients, and metadata with numbers of any size (SVC-2, TYP-10)', async () => {
    const session_id = await client.createSession();
    const base = `"session_id":"${session_id}","base_model":"local/random","lora_config":{"rank":2}`;
    const create_ = async (rest: string) => {
      const { json } = await client.post('create_model', `{${base},${rest}}`);
      return (await client.outcome(json.request_id)).json;
    };
    const older = await create_('"model_seq_id":0');
    expect(older).toEqual({ type: 'create_model', model_id: `${session_id}:train:0` });
    expect((await client.post('get_info', older)).json).toMatchObject({
      lora_rank: 2,
      optimizer_config: { type: 'adamw' },
    });
    const told = await create_('"model_seq_id":1,"user_metadata":{"id":12345678901234567890,"name":"a"}');
    expect((await client.get(`training_runs/${told.model_id}`)).json.user_metadata).toEqual({ name: 'a' });
  });

  it('by one seed starts from the same adapter, by another from another (TYP-10)', async () => {
    const session_id = await client.createSession();
    const norms = await Promise.all(
      [7, 7, 8].map(async (seed, model_seq_id) => {
        const lora_config = { rank: 2, seed };
        const body = { session_id, model_seq_id, base_model: 'local/random', lora_config };
        const { model_id } = await client.run('create_model', body);
        const data = [
          {
            model_input: { chunks: [{ tokens: [5, 6, 7] }] },
            loss_fn_inputs: {
              target_tokens: { data: [6, 7, 8], dtype: 'int64' },
              weights: { data: [1, 1, 1], dtype: 'float32' },
            },
          },
        ];
        const forward_backward_input = { data, loss_fn: 'cross_entropy' };
        await client.run('forward_backward', { model_id, seq_id: 1, forward_backward_input });
        const step = await client.run('optim_step', { model_id, seq_id: 2, adam_params: {} });
        return step.metrics.grad_norm;
      }),
    );
    expect(norms[1]).toBe(norms[0]);
    expect(norms[2]).not.toBe(norms[0]);
  });
});
