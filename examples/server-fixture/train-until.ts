import type { ServiceClient, Datum } from '../../src/index.ts';

/** The code under test: trains until the loss is below the limit, and saves. Gives the number of steps and the path. */
export async function trainUntil(
  service: ServiceClient,
  { data, limit, stepLimit }: { data: Datum[]; limit: number; stepLimit: number },
): Promise<{ steps: number; path: string }> {
  const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 1 });
  for (let steps = 0; steps <= stepLimit; steps++) {
    const { metrics } = await training.forwardBackward({ data, loss_fn: 'cross_entropy' });
    if ((metrics['loss:sum'] ?? Infinity) < limit) {
      const { path } = await training.saveState({ name: 'good-enough' });
      return { steps, path };
    }
    await training.optimStep({ learning_rate: 1e-2 });
  }
  throw new Error(`the loss is not below ${limit} after ${stepLimit} steps`);
}
