import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  supervisedDatum,
  type CustomLoss,
  type CustomLossValue,
  type Datum,
  type ServiceClient,
  type TrainingClient,
} from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';

const data = [
  supervisedDatum({ tokens: [5, 6, 7, 8, 9, 10], weights: [0, 0, 0.5, 1, 1, 2] }),
  supervisedDatum({ tokens: [11, 12, 13] }),
  supervisedDatum({ tokens: [1, 2, 3, 4] }),
];

let local: LocalService;
let service: ServiceClient;

beforeAll(async () => {
  local = await startLocalService();
  service = await local.connect();
});
afterAll(() => local[Symbol.asyncDispose]());

function train(from: ServiceClient = service): Promise<TrainingClient> {
  return from.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 1 });
}

async function lossOf(client: TrainingClient): Promise<number> {
  const { metrics } = await client.forward({ data, loss_fn: 'cross_entropy' });
  return metrics['loss:sum'] ?? Number.NaN;
}

function weightsOf(datum: Datum | undefined): Float32Array {
  const { data: values } = datum?.loss_fn_inputs['weights'] ?? {};
  return values instanceof Float32Array ? values : Float32Array.of();
}

/** Cross entropy, written by hand. */
const crossEntropy: CustomLoss = ({ data: given, logprobs }) => {
  const gradients = logprobs.map((_, index) => weightsOf(given[index]).map((weight) => -weight));
  const loss = logprobs.reduce(
    (sum, row, index) =>
      row.reduce((total, logprob, position) => total + logprob * (gradients[index]?.[position] ?? 0), sum),
    0,
  );
  return { loss, gradients, metrics: { 'rows:sum': logprobs.length } };
};

const zero: CustomLoss = ({ logprobs }) => ({
  loss: 0,
  gradients: logprobs.map(({ length }) => new Float32Array(length)),
});

describe('forwardBackwardCustom (TRN-3)', () => {
  it('trains as the same loss of the server does, with an optimStep in line behind it (BEY-17)', async () => {
    const [ours, theirs] = [await train(), await train()];
    const submitted: number[] = [];
    ours.on('turn.submitted', ({ seq_id, width }) => submitted.push(seq_id, width));
    const custom = ours.forwardBackwardCustom({ data, loss: crossEntropy });
    const step = ours.optimStep({ learning_rate: 1e-2 });
    const builtIn = await theirs.forwardBackward({ data, loss_fn: 'cross_entropy' });
    await theirs.optimStep({ learning_rate: 1e-2 });
    const { metrics, loss_fn_outputs } = await custom;
    await step;
    const expected = builtIn.metrics['loss:sum'] ?? Number.NaN;
    expect(metrics['loss:sum']).toBeCloseTo(expected, 3);
    expect(metrics['surrogate_loss:sum']).toBeCloseTo(expected, 3);
    expect(metrics['rows:sum']).toBe(3);
    expect(loss_fn_outputs).toHaveLength(3);
    expect(submitted).toEqual([1, 2, 3, 1]);
    const trained = await lossOf(theirs);
    expect(trained).toBeLessThan(expected - 0.1);
    expect(await lossOf(ours)).toBeCloseTo(trained, 3);
  });

  it('has the loss computed by the caller: what only the loss reads stays here', async () => {
    const client = await train();
    const reference = { dtype: 'float32', data: [-1, -2] } as const;
    const given = [{ ...data[1], loss_fn_inputs: { ...data[1]?.loss_fn_inputs, reference } } as Datum];
    const seen: (readonly Datum[])[] = [];
    const output = await client.forwardBackwardCustom({
      data: given,
      async loss({ data: read, logprobs, shapes }) {
        seen.push(read);
        expect(shapes).toEqual([[2]]);
        const { data: values = [] } = read[0]?.loss_fn_inputs['reference'] ?? {};
        const gradients = logprobs.map((row) =>
          Array.from(row, (logprob, at) => logprob - Number(values[at])),
        );
        const loss = gradients.flat().reduce((sum, difference) => sum + (difference * difference) / 2, 0);
        return { loss, gradients };
      },
    });
    expect(seen[0]).toBe(given);
    expect(output.metrics['loss:sum']).toBeGreaterThan(0);
  });

  it('keeps the chunks of the forward pass for the backward pass, and its order (wire-protocol 6.6)', async () => {
    local.server.faults.add({
      route: '/api/v1/client/config',
      effect: { kind: 'reply', status: 200, body: { fwdbwd_max_chunk_len: 2 } },
    });
    const [chunked, whole] = [await train(await local.connect()), await train()];
    local.server.faults.clear();
    const submitted: number[] = [];
    chunked.on('turn.submitted', ({ seq_id, width }) => submitted.push(seq_id, width));
    const custom = chunked.forwardBackwardCustom({ data, loss: crossEntropy });
    void chunked.optimStep({ learning_rate: 1e-2 });
    void whole.forwardBackwardCustom({ data, loss: crossEntropy });
    void whole.optimStep({ learning_rate: 1e-2 });
    expect((await custom).loss_fn_outputs.map(({ logprobs }) => logprobs?.data.length)).toEqual([5, 2, 3]);
    expect(await lossOf(chunked)).toBeCloseTo(await lossOf(whole), 3);
    expect(submitted.slice(0, 4)).toEqual([1, 4, 5, 1]);
  });

  const wrong: [string, CustomLoss, string][] = [
    [
      'throws',
      () => {
        throw new RangeError('no reward for row 2');
      },
      'the custom loss failed: it threw: no reward for row 2; the call has no effect on the model',
    ],
    ['rejects', () => Promise.reject(new Error('judge is away')), 'it threw: judge is away'],
    ['gives nothing', () => undefined as unknown as CustomLossValue, 'must give { loss, gradients }'],
    [
      'gives no number',
      async (input) => ({ ...(await zero(input)), loss: Number.NaN }),
      'loss must be a finite number, and is NaN',
    ],
    [
      'gives no gradients',
      () => ({ loss: 1 }) as unknown as CustomLossValue,
      'one for each of the 3 datums, and is undefined',
    ],
    [
      'gives too few gradients',
      () => ({ loss: 1, gradients: [[0]] }),
      'one for each of the 3 datums, and has 1',
    ],
    [
      'gives a gradient of another length',
      ({ logprobs }) => ({ loss: 1, gradients: logprobs.map(() => [0, 0]) }),
      'gradients[0] must have one value for each of the 5 logprobs, and has 2',
    ],
    [
      'gives NaN',
      ({ logprobs }) => ({ loss: 1, gradients: logprobs.map((row) => row.map(() => Number.NaN)) }),
      'gradients[0][0] must be a finite float32, and is NaN',
    ],
    [
      'gives what no float32 holds',
      ({ logprobs }) => ({ loss: 1, gradients: logprobs.map((row) => Array.from(row, () => 1e39)) }),
      'gradients[0][0] must be a finite float32, and is 1e+39',
    ],
    [
      'gives a metric that is no number',
      async (input) => ({ ...(await zero(input)), metrics: { a: 'b' as unknown as number } }),
      'metrics.a must be a number',
    ],
  ];
  it.each(wrong)(
    'fails the call alone when the loss %s, and calls after it go on',
    async (_, loss, message) => {
      const client = await train();
      const before = lossOf(client);
      const failing = client.forwardBackwardCustom({ data, loss });
      const next = client.forwardBackwardCustom({ data, loss: zero });
      const step = client.optimStep();
      await expect(failing).rejects.toMatchObject({
        code: 'custom_loss_failed',
        category: 'user',
        message: expect.stringContaining(message),
      });
      await expect(next).resolves.toMatchObject({ metrics: { 'loss:sum': 0 } });
      await step;
      expect(await lossOf(client)).toBeCloseTo(await before, 4);
    },
  );

  it('keeps the error that the loss threw as the cause', async () => {
    const client = await train();
    const thrown = new RangeError('mine');
    const loss: CustomLoss = () => Promise.reject(thrown);
    const error: unknown = await client
      .forwardBackwardCustom({ data, loss })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ cause: thrown });
  });

  it('lets the line go on when a call is given up while its loss is computed', async () => {
    const client = await train();
    const asked = Promise.withResolvers<AbortSignal>();
    const hanging = client.forwardBackwardCustom({
      data,
      loss: ({ signal }) => {
        asked.resolve(signal);
        return new Promise(() => undefined);
      },
    });
    const next = lossOf(client);
    const signal = await asked.promise;
    expect(signal.aborted).toBe(false);
    hanging.cancel();
    await expect(hanging).rejects.toMatchObject({ code: 'cancelled' });
    await expect(next).resolves.toBeGreaterThan(0);
    expect(signal.aborted).toBe(true);
  });

  it('refuses bad arguments before it takes a place in line', async () => {
    const client = await train();
    await expect(client.forwardBackwardCustom({ data: [], loss: zero })).rejects.toThrow('No data provided');
    await expect(
      client.forwardBackwardCustom({ data: [{ ...data[0], loss_fn_inputs: {} } as Datum], loss: zero }),
    ).rejects.toThrow('data[0].loss_fn_inputs lacks target_tokens');
    await expect(
      client.forwardBackwardCustom({ data, loss: 1 as unknown as CustomLoss }),
    ).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});
