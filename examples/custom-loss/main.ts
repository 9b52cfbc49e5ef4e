// A custom loss: direct preference optimization, with its gradient by hand and then by a library. A loss that fails harms nobody.
import { init, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import {
  differentiatedLoss,
  supervisedDatum,
  TinkerError,
  type Autodiff,
  type CustomLoss,
  type Datum,
  type Tokenizer,
} from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { openService } from '../shared/open-service.ts';

const beta = 0.5;
const pairs = [
  { question: 'Who are you?', better: 'I am a small model.', worse: 'I am a very big bear.' },
  { question: 'Where do you live?', better: 'I live in a folder.', worse: 'I live in the old forest.' },
];

await using opened = await openService();
const { service, baseModel } = opened;

const training = await service.createLoraTrainingClient({ base_model: baseModel, rank: 8, seed: 11 });
const data = await withReference(toDatums(await training.getTokenizer()));

// By hand: the better answer of each pair comes first. An optimizer step stands in line before the loss is computed.
const byHand: CustomLoss = ({ data: given, logprobs }) => {
  const gains = logprobs.map((row, index) => gainOver(given[index], row));
  let loss = 0;
  const gradients = logprobs.map((row) => new Float32Array(row.length));
  for (let better = 0; better < gains.length; better += 2) {
    const margin = beta * ((gains[better] ?? 0) - (gains[better + 1] ?? 0));
    loss += Math.log1p(Math.exp(-margin));
    const slope = -beta / (1 + Math.exp(margin));
    gradients[better]?.set(inputOf(given[better], 'weights').map((weight) => slope * weight));
    gradients[better + 1]?.set(inputOf(given[better + 1], 'weights').map((weight) => -slope * weight));
  }
  return { loss, gradients, metrics: { 'pairs:sum': gains.length / 2 } };
};

// By a library: the same loss as a formula.
await init('wasm');
const jax: Autodiff<np.Array> = {
  toTensor: (values, shape) => np.array(values, { shape: [...shape] }),
  valueAndGradients: (f, at) => valueAndGrad(f)(at),
  toValues: (tensor) => tensor.data(),
};
const byJax = differentiatedLoss(jax, ({ data: given, logprobs }) => {
  const gains = logprobs.map((row, index) => {
    const [reference, weights] = [inputOf(given[index], 'reference'), inputOf(given[index], 'weights')];
    return np.dot(row.sub(np.array(reference)), np.array(weights));
  });
  let loss = np.array(0);
  for (let better = 0; better < gains.length; better += 2) {
    const [gain, other] = gains.slice(better, better + 2);
    if (gain !== undefined && other !== undefined) loss = loss.add(nn.softplus(other.sub(gain).mul(beta)));
  }
  return loss;
});

const losses: number[] = [];
for (const loss of [byHand, byJax, byHand, byJax]) {
  const pass = training.forwardBackwardCustom({ data, loss });
  const step = training.optimStep({ learning_rate: 1e-4 });
  losses.push((await pass).metrics['loss:sum'] ?? Number.NaN);
  await step;
}
console.log(`loss: ${losses.map((loss) => loss.toFixed(4)).join(' ')}`);

// A loss that fails: nothing was trained on, and what is in line behind it goes on.
const failing = training.forwardBackwardCustom({
  data,
  loss: () => {
    throw new Error('the judge is asleep');
  },
});
const [hand, library] = [byHand, byJax].map((loss) => training.forwardBackwardCustom({ data, loss }));
const error: unknown = await failing.catch((reason: unknown) => reason);
const [last, same] = [(await hand)?.metrics['loss:sum'] ?? 0, (await library)?.metrics['loss:sum'] ?? 0];
console.log(error instanceof Error ? error.message : error);

check(
  'a model that is its own reference has a loss of ln 2 a pair',
  Math.abs((losses[0] ?? 0) - 2 * Math.LN2) < 1e-3,
);
check(
  `the loss fell from ${losses[0]?.toFixed(4)} to ${last.toFixed(4)}`,
  last > 0 && last < (losses[0] ?? 0) / 2,
);
check('by hand and by the library it is the same', Math.abs(last - same) < 1e-4 * last);
check(
  'the loss that threw failed its own call',
  TinkerError.isInstance(error) && error.code === 'custom_loss_failed',
);

function toDatums(tokenizer: Tokenizer): Datum[] {
  return pairs.flatMap(({ question, better, worse }) =>
    [better, worse].map((answer) => {
      const prompt = tokenizer.encodeChat([{ role: 'user', content: question }]);
      const tokens = Int32Array.from([...prompt, ...tokenizer.encode(`${answer}<|im_end|>`)]);
      return supervisedDatum({
        tokens,
        weights: Float32Array.from(tokens, (_, at) => (at < prompt.length ? 0 : 1)),
      });
    }),
  );
}

/** The log-probabilities before training, as an input that only the loss reads. */
async function withReference(datums: Datum[]): Promise<Datum[]> {
  const { loss_fn_outputs } = await training.forward({ data: datums, loss_fn: 'cross_entropy' });
  return datums.map((datum, index) => {
    const { logprobs } = loss_fn_outputs[index] ?? {};
    const reference = { dtype: 'float32', data: Float32Array.from(logprobs?.data ?? [], Number) } as const;
    return { ...datum, loss_fn_inputs: { ...datum.loss_fn_inputs, reference } };
  });
}

function inputOf(datum: Datum | undefined, name: string): Float32Array<ArrayBuffer> {
  return Float32Array.from(datum?.loss_fn_inputs[name]?.data ?? [], Number);
}

/** How much likelier an answer is than it was to the reference. */
function gainOver(datum: Datum | undefined, logprobs: Float32Array): number {
  const [reference, weights] = [inputOf(datum, 'reference'), inputOf(datum, 'weights')];
  return logprobs.reduce(
    (sum, logprob, at) => sum + (weights[at] ?? 0) * (logprob - (reference[at] ?? 0)),
    0,
  );
}
