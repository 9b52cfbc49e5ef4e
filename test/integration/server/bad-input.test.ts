import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ForwardBackwardRequestSchema } from '../../../src/proto/tinker_public_pb.ts';
import { forwardBackwardJson, startServer, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let session_id: string;
let model_id: string;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
  session_id = await client.createSession();
  model_id = await client.createModel({ sessionId: session_id });
});
afterAll(() => running[Symbol.asyncDispose]());

/** Words of `detail`, be it a text or a list of field errors. */
const words = (detail: unknown): string => (typeof detail === 'string' ? detail : JSON.stringify(detail));

describe('a body that cannot be right is refused with its reason', () => {
  it.each<[string, () => [string, unknown], number, RegExp]>([
    ['no JSON', () => ['create_session', '{'], 400, /not JSON/],
    ['NaN', () => ['optim_step', `{"model_id":"${model_id}","seq_id":NaN}`], 400, /not JSON/],
    ['no body', () => ['create_model', undefined], 422, /expected object/],
    ['a field of the wrong type', () => ['create_session', { tags: 3 }], 422, /"loc":\["body","tags"\]/],
    [
      'an unknown session',
      () => [
        'create_model',
        { session_id: 'x', model_seq_id: 0, base_model: 'local/random', lora_config: { rank: 1 } },
      ],
      404,
      /Unknown session x/,
    ],
    [
      'an unknown base model',
      () => [
        'create_model',
        { session_id, model_seq_id: 5, base_model: 'no/model', lora_config: { rank: 1 } },
      ],
      404,
      /Unknown base model no\/model.*local\/random/,
    ],
    [
      'no LoRA',
      () => ['create_model', { session_id, model_seq_id: 5, base_model: 'local/random' }],
      422,
      /only LoRA/,
    ],
    [
      'nothing to train',
      () => [
        'create_model',
        {
          session_id,
          model_seq_id: 5,
          base_model: 'local/random',
          lora_config: { rank: 1, train_mlp: false, train_attn: false, train_unembed: false },
        },
      ],
      422,
      /at least one of/,
    ],
    [
      'a rank beyond reason',
      () => [
        'create_model',
        { session_id, model_seq_id: 5, base_model: 'local/random', lora_config: { rank: 100_000 } },
      ],
      422,
      /rank must be at most/,
    ],
    [
      'another optimizer',
      () => [
        'create_model',
        {
          session_id,
          model_seq_id: 5,
          base_model: 'local/random',
          lora_config: { rank: 1 },
          optimizer_config: { type: 'dimuon', version: 1 },
        },
      ],
      422,
      /optimizer dimuon is not supported/,
    ],
    [
      'an unknown model',
      () => ['optim_step', { model_id: 'x', seq_id: 1, adam_params: {} }],
      404,
      /Unknown model x/,
    ],
    ['no parameters', () => ['optim_step', { model_id }], 422, /needs adam_params/],
    [
      'parameters of another optimizer',
      () => ['optim_step', { model_id, optimizer_params: { type: 'dimuon', learning_rate: 1 } }],
      422,
      /optimizer_params are of type dimuon, but the model's optimizer is adamw/,
    ],
    [
      'parameters of two kinds (TRN-4)',
      () => ['optim_step', { model_id, adam_params: {}, optimizer_params: { type: 'dimuon' } }],
      422,
      /either adam_params or optimizer_params/,
    ],
    [
      'a misspelt parameter',
      () => ['optim_step', { model_id, adam_params: { learning_rte: 1 } }],
      422,
      /learning_rte/,
    ],
    ['a beta of 1', () => ['optim_step', { model_id, adam_params: { beta1: 1 } }], 422, /beta1/],
    [
      'a name that leaves its folder',
      () => ['save_weights', { model_id, path: '../x' }],
      422,
      /Invalid checkpoint name/,
    ],
    ['no name', () => ['save_weights', { model_id }], 422, /needs a checkpoint name/],
    [
      'a ttl of a minute',
      () => ['save_weights', { model_id, path: 'a', ttl_seconds: 60 }],
      422,
      /ttl_seconds must be between/,
    ],
    [
      'a sampler save with neither name nor number',
      () => ['save_weights_for_sampler', { model_id }],
      422,
      /needs either path or/,
    ],
    [
      'a named save of kind inflight',
      () => ['save_weights_for_sampler', { model_id, path: 'a', kind: 'inflight' }],
      422,
      /kind inflight is not supported/,
    ],
    [
      'a path that is none',
      () => ['load_weights', { model_id, path: '/tmp/x', optimizer: false }],
      422,
      /Invalid checkpoint path/,
    ],
    [
      'loading sampler weights',
      () => ['load_weights', { model_id, path: 'tinker://x/sampler_weights/a', optimizer: false }],
      422,
      /only a training state/,
    ],
    [
      'a state that is not there',
      () => ['load_weights', { session_id, model_seq_id: 6, path: 'tinker://x/weights/a', optimizer: false }],
      404,
      /Unknown checkpoint tinker:\/\/x\/weights\/a/,
    ],
    [
      'both ways of addressing',
      () => [
        'load_weights',
        { model_id, session_id, model_seq_id: 6, path: 'tinker://x/weights/a', optimizer: false },
      ],
      422,
      /either model_id, or/,
    ],
    [
      'an unsupported loss',
      () => ['forward_backward', forwardBackwardJson(model_id, 0, { loss_fn: 'stable_reinforce' })],
      422,
      /loss stable_reinforce is not supported/,
    ],
    [
      'an option the loss has not',
      () => ['forward_backward', forwardBackwardJson(model_id, 0, { loss_fn_config: { k: 1 } })],
      422,
      /loss_fn_config.k/,
    ],
    [
      'training data without a model',
      () => ['forward_backward', { ...forwardBackwardJson(model_id, 0), model_id: undefined }],
      422,
      /"loc":\["body","model_id"\]/,
    ],
    [
      'no data',
      () => ['forward_backward', forwardBackwardJson(model_id, 0, { data: [] })],
      422,
      /data is empty/,
    ],
    [
      'a tensor shape that does not fit',
      () => [
        'forward_backward',
        forwardBackwardJson(model_id, 0, {
          data: [
            {
              model_input: { chunks: [{ tokens: [1] }] },
              loss_fn_inputs: { target_tokens: { data: [1], dtype: 'int64', shape: [2] } },
            },
          ],
        }),
      ],
      422,
      /shape \[2\] does not fit 1 values/,
    ],
    [
      'a text among the numbers',
      () => [
        'forward_backward',
        forwardBackwardJson(model_id, 0, {
          data: [
            {
              model_input: { chunks: [{ tokens: [1] }] },
              loss_fn_inputs: { target_tokens: { data: ['1'], dtype: 'int64' } },
            },
          ],
        }),
      ],
      422,
      /target_tokens\[0\] must be a number/,
    ],
    [
      'an image',
      () => [
        'forward_backward',
        forwardBackwardJson(model_id, 0, {
          data: [{ model_input: { chunks: [{ data: 'AAAA', format: 'png' }] }, loss_fn_inputs: {} }],
        }),
      ],
      422,
      /chunk of type image is not supported/,
    ],
    [
      'bytes that are no message',
      () => ['forward_backward', Uint8Array.of(255, 255)],
      422,
      /not a ForwardBackwardRequest/,
    ],
    [
      'a message without a loss',
      () => [
        'forward_backward',
        toBinary(ForwardBackwardRequestSchema, create(ForwardBackwardRequestSchema, { modelId: model_id })),
      ],
      422,
      /loss \(none given\)/,
    ],
    [
      'a sample without a sampler',
      () => [
        'asample',
        { prompt: { chunks: [{ tokens: [1] }] }, sampling_params: {}, base_model: 'local/random' },
      ],
      422,
      /needs sampling_session_id/,
    ],
    [
      'no samples',
      () => ['asample', { num_samples: 0, prompt: { chunks: [{ tokens: [1] }] }, sampling_params: {} }],
      422,
      /num_samples/,
    ],
    [
      'a negative temperature',
      () => ['asample', { prompt: { chunks: [{ tokens: [1] }] }, sampling_params: { temperature: -1 } }],
      422,
      /temperature/,
    ],
    [
      'a finish without reason',
      () => [`sessions/${session_id}/finish`, { reason: { type: 'tired' } }],
      422,
      /reason/,
    ],
    [
      'a path that names no checkpoint',
      () => ['weights_info', { tinker_path: 'tinker://a/b' }],
      422,
      /Invalid checkpoint path/,
    ],
    ['a poll without id', () => ['retrieve_future', {}], 422, /request_id/],
  ])('%s', async (_what, request, status, reason) => {
    const [operation, body] = request();
    const answer = await client.post(operation, body);
    expect([answer.status, words(answer.json?.detail)]).toEqual([status, expect.stringMatching(reason)]);
    expect(answer.headers.get('content-length')).toBe(String(answer.bytes.length));
  });
});

describe('after all that was refused', () => {
  it('the model goes on', async () => {
    const output = await client.run('forward_backward', forwardBackwardJson(model_id, 1));
    expect(output.metrics['loss:sum']).toBeGreaterThan(0);
  });
});
