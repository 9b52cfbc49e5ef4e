// Pipelined training: many calls in the line at once, one of them given up, and the rest go on in order.
import { check } from '../shared/check.ts';
import { perToken, toDatums } from '../shared/lessons.ts';
import { openService } from '../shared/open-service.ts';

await using opened = await openService();
const { service, baseModel } = opened;

const training = await service.createLoraTrainingClient({ base_model: baseModel, rank: 8, seed: 3 });
const data = toDatums(await training.getTokenizer());
const submitted: number[] = [];
training.on('turn.submitted', ({ seq_id }) => submitted.push(seq_id));

// Nothing is awaited here: twelve calls stand in line before the first result is there.
const steps = Array.from({ length: 6 }, () => ({
  pass: training.forwardBackward({ data, loss_fn: 'cross_entropy' }),
  step: training.optimStep({ learning_rate: 5e-3 }),
}));
const unwanted = training.forward({ data, loss_fn: 'cross_entropy' });
unwanted.cancel();
const last = training.forward({ data, loss_fn: 'cross_entropy' });
console.log(`in line: ${steps.length * 2} calls, status of the first: ${steps[0]?.pass.status}`);

const losses: number[] = [];
for (const { pass, step } of steps) {
  losses.push(perToken((await pass).metrics['loss:sum'] ?? Number.NaN, data));
  await step;
}
losses.push(perToken((await last).metrics['loss:sum'] ?? Number.NaN, data));
console.log(`loss per token: ${losses.map((loss) => loss.toFixed(3)).join(' ')}`);

check('the loss is lower at the end than at the start', (losses.at(-1) ?? 0) < (losses[0] ?? 0));
check(
  'calls were sent in order, without a gap for the one given up',
  submitted.every((seq, index) => seq === index + 1),
);
check(
  'the call that was given up says so',
  (await unwanted.catch((error: unknown) => error)) instanceof Error,
);
