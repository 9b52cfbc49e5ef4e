import { ServiceClient, supervisedDatum, TinkerError, type TrainingClient } from 'tinker-ts';
import { createLocalServer } from 'tinker-ts/server';

export async function train(): Promise<number | undefined> {
  await using server = await createLocalServer({ dataDir: 'data', port: 0, host: '127.0.0.1' });
  await using service = await ServiceClient.connect({ baseUrl: server.url, apiKey: 'tml-local' });
  const training: TrainingClient = await service.createLoraTrainingClient({ base_model: 'local/random' });
  const data = [supervisedDatum({ tokens: [1, 2, 3] })];
  try {
    return (await training.forwardBackward({ data, loss_fn: 'cross_entropy' })).metrics['loss:sum'];
  } catch (error) {
    if (TinkerError.isInstance(error)) console.error(error.code);
    // @ts-expect-error what is wrong is seen
    await training.optimStep({ learning_rat: 1 });
    throw error;
  }
}
