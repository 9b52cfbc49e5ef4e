import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest';
import type { ServiceClient, TrainingClient } from '../../src/index.ts';
import { startLocalService, type LocalService } from '../helpers/local-service.ts';

let bench: LocalService;
let service: ServiceClient;
let training: TrainingClient;
let state: string;
let sampler: string;
let exported: string;

beforeAll(async () => {
  bench = await startLocalService();
  service = await bench.connect();
  training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
  ({ path: state } = await training.saveState({ name: 's' }));
  ({ path: sampler } = await training.saveWeightsForSampler({ name: 'w' }));
  ({ path: exported } = await training.saveWeightsExternal({ name: 'e' }));
});
afterAll(() => bench[Symbol.asyncDispose]());
afterEach(() => bench.server.faults.clear());

const adapter = ['adapter_config.json', 'adapter_model.safetensors'];
const fileRoute = '/api/v1/external_weights/:run/:name/*';
const outputOf = (name: string) => path.join(bench.folder, name);

/** Routes that were called since, without the polls. */
async function routesOf(work: () => PromiseLike<unknown>): Promise<string[]> {
  const before = bench.server.requests.length;
  await work();
  return bench.server.requests
    .slice(before)
    .map(({ method, route }) => `${method} ${route.replace('/api/v1/', '')}`)
    .filter((route) => !/retrieve_future|heartbeat|telemetry|config/.test(route));
}

describe('where the bytes of a checkpoint come from', () => {
  test('an export comes file by file, and is left as it is (RST-24)', async () => {
    const routes = await routesOf(() =>
      service.downloads.download(exported, { outputDir: outputOf('export') }),
    );
    expect(routes.filter((route) => /DELETE|archive|load_weights/.test(route))).toEqual([]);
    const [folder = ''] = await readdir(outputOf('export'));
    expect((await readdir(path.join(outputOf('export'), folder))).toSorted()).toEqual(adapter);
    const manifest = await readFile(path.join(outputOf('export'), `${folder}.manifest.json`), 'utf8');
    expect(JSON.parse(manifest)).toMatchObject({
      version: 1,
      tinker_path: exported,
      source: 'external_weights',
      files: adapter.map((name) => ({ name, crc32c: expect.stringMatching(/^[0-9a-f]{8}$/) })),
    });
    expect(manifest).not.toContain('http');
  });

  test('a training state is exported for the download, and nothing of that stays on the server', async () => {
    const routes = await routesOf(async () => {
      const { files } = await service.downloads.download(state, { outputDir: outputOf('state') });
      expect(files.map(({ name }) => name)).toEqual(adapter);
    });
    const ofTheServer = routes.filter((route) => !route.startsWith('GET external_weights'));
    expect(ofTheServer).toEqual([
      'POST load_weights',
      'POST get_info',
      'POST save_weights_external',
      'POST unload_model',
      'PUT training_runs/:run/checkpoints/:kind/:name/ttl',
      'GET training_runs/:run/checkpoints/:kind/:name/external_weights_urls',
      'DELETE training_runs/:run/checkpoints/:kind/:name',
    ]);
    const rest = await service.createRestClient();
    const { items } = await rest.listUserCheckpoints();
    expect(items.map(({ tinker_path }) => tinker_path).toSorted()).toEqual(
      [state, sampler, exported].toSorted(),
    );
  });

  test('a download that is cancelled deletes its export too', async () => {
    const download = service.downloads.download(state, { outputDir: outputOf('cancelled') });
    download.on('state.changed', ({ state: now }) => {
      if (now === 'queued') download.cancel();
    });
    const routes = await routesOf(() => expect(download).rejects.toMatchObject({ code: 'cancelled' }));
    expect(routes.at(-1)).toMatch(/^DELETE/);
  });

  test('an export of which bytes are kept stays for the download that goes on, and is deleted by that', async () => {
    const outputDir = outputOf('kept');
    bench.server.faults.add({ route: fileRoute, nth: 1, count: 2, effect: { kind: 'cut', afterBytes: 20 } });
    const first = service.downloads.download(state, { outputDir });
    first.on('retry.scheduled', () => first.cancel({ keep: true }));
    const before = await routesOf(() => expect(first).rejects.toMatchObject({ code: 'cancelled' }));
    expect(before.filter((route) => route.startsWith('DELETE'))).toEqual([]);
    const [workspace = ''] = await readdir(outputDir);
    const journal = await readFile(path.join(outputDir, workspace, 'journal.jsonl'), 'utf8');
    expect(journal).not.toMatch(/http|sig/);
    const other = await bench.connect();
    const after = await routesOf(() => other.downloads.download(state, { outputDir }));
    expect(after.filter((route) => !route.startsWith('GET external_weights'))).toEqual([
      'PUT training_runs/:run/checkpoints/:kind/:name/ttl',
      'GET training_runs/:run/checkpoints/:kind/:name/external_weights_urls',
      'DELETE training_runs/:run/checkpoints/:kind/:name',
    ]);
  });

  test('where the kept export is gone another is made, and everything fetched of that', async () => {
    const outputDir = outputOf('gone-export');
    bench.server.faults.add({ route: fileRoute, nth: 1, count: 2, effect: { kind: 'cut', afterBytes: 20 } });
    const first = service.downloads.download(state, { outputDir });
    first.on('retry.scheduled', () => first.cancel({ keep: true }));
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    const rest = await service.createRestClient();
    const { items } = await rest.listUserCheckpoints();
    const kept = items.find(({ tinker_path }) => tinker_path.endsWith('/external_weights/download'));
    await rest.deleteCheckpoint(kept?.tinker_path ?? '');
    const routes = await routesOf(async () => {
      const { files } = await service.downloads.download(state, { outputDir });
      expect(files.map(({ name }) => name)).toEqual(adapter);
    });
    expect(routes).toContain('POST save_weights_external');
    expect(routes.at(-1)).toMatch(/^DELETE/);
  });

  test.each([404, 405, 501])('where the server cannot export (%i) the archive is taken', async (status) => {
    bench.server.faults.add({
      route: '/api/v1/save_weights_external',
      effect: {
        kind: 'reply',
        status,
        headers: { 'x-should-retry': 'false' },
      },
    });
    const outputDir = outputOf(`fallback-${status}`);
    const { files } = await service.downloads.download(state, { outputDir });
    expect(files.map(({ name }) => name)).toEqual([...adapter, 'checkpoint_complete']);
  });

  test('a sampler comes as an archive, and a state too when the caller wants it so', async () => {
    for (const [checkpoint, source] of [
      [sampler, 'auto'],
      [state, 'archive'],
    ] as const) {
      const outputDir = outputOf(`archive-${source}`);
      const { files } = await service.downloads.download(checkpoint, { outputDir, source });
      expect(files.map(({ name }) => name)).toEqual([...adapter, 'checkpoint_complete']);
    }
  });

  test('a server that gives a sampler in no form is told apart, with what to do', async () => {
    bench.server.faults.add({
      route: '/api/v1/training_runs/:run/checkpoints/:kind/:name/archive',
      effect: { kind: 'reply', status: 501 },
    });
    for (const source of ['auto', 'external_weights'] as const) {
      const download = service.downloads.download(sampler, { outputDir: outputOf('none'), source });
      await expect(download).rejects.toMatchObject({
        code: 'not_downloadable',
        hint: expect.stringContaining('saveWeightsExternal'),
        message: expect.stringMatching(/501|only states/),
      });
    }
  });

  test('what does not exist is not found', async () => {
    for (const checkpoint of [`${state}-gone`, `${sampler}-gone`, `${exported}-gone`])
      await expect(
        service.downloads.download(checkpoint, { outputDir: outputOf('gone') }),
      ).rejects.toMatchObject({ code: 'not_found' });
  });
});
