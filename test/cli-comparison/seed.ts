import { systemClock, type Clock } from '../../src/core/clock.ts';
import { ServiceClient, type TrainingClient } from '../../src/index.ts';
import { createLocalServer } from '../../src/server/index.ts';

const hourMs = 3_600_000;

/** What is on the server, by what it shows. */
export interface Seeded {
  runIds: { old: string; rich: string; fresh: string };
  sessionId: string;
  /** One of each kind, one that is published, one that expires, and one for each change that is tried. */
  paths: Record<'training' | 'sampler' | 'external' | 'published' | 'expiring' | 'old', string>;
  spare: readonly string[];
  /** The hours that billing is asked for. */
  billing: { from: string; to: string };
}

/**
 * Fills a data folder: three sessions that began weeks, hours and minutes ago, so that every form of a time is shown. Its
 * server is closed again.
 */
export async function seed(dataDir: string): Promise<Seeded> {
  const startedAt = Date.now();
  let ageMs = 0;
  const clock: Clock = { ...systemClock, now: () => startedAt - ageMs };
  await using server = await createLocalServer({ dataDir, clock });
  await using services = new AsyncDisposableStack();
  const train = async (hours: number, user_metadata: Record<string, string>): Promise<TrainingClient> => {
    ageMs = hours * hourMs;
    const connection = { baseUrl: server.url, apiKey: 'tml-seed', user_metadata };
    const service = services.use(await ServiceClient.connect(connection));
    return service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, user_metadata });
  };
  const old = await train(40 * 24, {});
  const oldState = await old.saveState({ name: 'weeks-ago' });
  const rich = await train(5, { note: 'a [b] c', größe: 'groß', quoted: '"x", y' });
  const training = await rich.saveState({ name: 'state' });
  const sampler = await rich.saveWeightsForSampler({ name: 'sampler' });
  const external = await rich.saveWeightsExternal({ name: 'external' });
  const fresh = await train(0.5, { team: 'evals' });
  const published = await fresh.saveState({ name: 'published' });
  const expiring = await fresh.saveState({ name: 'expiring', ttl_seconds: 3 * 24 * 3600 });
  const spare = [];
  for (const name of ['one', 'two', 'three', 'four']) spare.push((await fresh.saveState({ name })).path);
  await using service = await ServiceClient.connect({ baseUrl: server.url, apiKey: 'tml-seed' });
  await using rest = await service.createRestClient();
  await rest.publishCheckpoint(published.path);
  return {
    runIds: { old: old.info.model_id, rich: rich.info.model_id, fresh: fresh.info.model_id },
    sessionId: rich.info.model_id.split(':')[0] ?? '',
    paths: {
      training: training.path,
      sampler: sampler.path,
      external: external.path,
      published: published.path,
      expiring: expiring.path,
      old: oldState.path,
    },
    spare,
    billing: { from: fullHour(startedAt - 24 * hourMs), to: fullHour(startedAt + hourMs) },
  };
}

function fullHour(time: number): string {
  return new Date(Math.floor(time / hourMs) * hourMs).toISOString().replace('.000', '');
}
