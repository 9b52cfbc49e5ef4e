// Cancelling: by signal, by deadline and by cancel(); whatever was not given up goes on.
import { modelInput, supervisedDatum, TinkerError } from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { openService } from '../shared/open-service.ts';

await using opened = await openService();
const { service, baseModel } = opened;

const training = await service.createLoraTrainingClient({ base_model: baseModel, rank: 8, seed: 1 });
const sampler = await service.createSamplingClient({ base_model: baseModel });
const tokenizer = await training.getTokenizer();
const data = [supervisedDatum({ tokens: tokenizer.encode('The moon is round.') })];
const prompt = modelInput(tokenizer.encode('The moon'));
const codeOf = (error: unknown): string => (TinkerError.isInstance(error) ? error.code : 'another error');

// A signal of your own rejects with your own reason.
const controller = new AbortController();
const aborted = sampler.sample(
  { prompt, sampling_params: { max_tokens: 200, stop: [] } },
  { signal: controller.signal },
);
const kept = sampler.sample({ prompt, sampling_params: { max_tokens: 8 } });
controller.abort(new Error('no longer needed'));
const reason: unknown = await aborted.catch((error: unknown) => error);
check(
  'the aborted sample has the reason it was given',
  reason instanceof Error && reason.message === 'no longer needed',
);
check('the sample beside it came back', (await kept).sequences.length === 1);

// A deadline is one option; the call rejects, the line goes on.
const late: unknown = await training
  .forward({ data, loss_fn: 'cross_entropy' }, { timeoutMs: 0 })
  .catch(codeOf);
check('the late call says that its time was over', late === 'timeout');

// cancel() takes a waiting call out of the line before it has a sequence id.
const first = training.forwardBackward({ data, loss_fn: 'cross_entropy' });
const unwanted = training.forwardBackward({ data, loss_fn: 'cross_entropy' });
unwanted.cancel();
const step = training.optimStep({ learning_rate: 1e-3 });
check(
  `the cancelled call says so (${await unwanted.catch(codeOf).then(String)})`,
  unwanted.status === 'detached',
);
await first;
await step;
check('the calls around it took effect', first.status === 'completed' && step.status === 'completed');
