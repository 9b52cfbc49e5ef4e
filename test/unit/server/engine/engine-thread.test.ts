import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { EngineClient } from '../../../../src/server/engine/engine-client.ts';
import { createEngine } from '../../../../src/server/engine/index.ts';
import { fullLora, modelsDirectory, sampleTask, textRow } from './fixtures.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function newEngine(randomSeed?: bigint) {
  const engine = createEngine({ modelsDirectory, randomSeed });
  cleanups.push(() => engine.close());
  return engine;
}

/** A client whose thread runs the given code instead of the engine. */
async function clientOf(code: string): Promise<EngineClient> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tinker-thread-'));
  const file = path.join(directory, 'thread.mjs');
  await writeFile(file, `import { parentPort } from 'node:worker_threads';\n${code}`);
  const client = new EngineClient(pathToFileURL(file), { modelsDirectory, randomSeed: 1n });
  cleanups.push(
    () => client.close(),
    () => rm(directory, { recursive: true }),
  );
  return client;
}

describe('the engine in its thread', () => {
  it('offers the base models of the folder', async () => {
    const models = await newEngine().models();
    expect(models.map(({ name }) => name)).toEqual(['local/random', 'local/stories-1m']);
    for (const model of models) {
      expect(model).toMatchObject({ vocabularySize: 512, maxContextLength: 1024, parameterCount: 984_192 });
    }
  });

  it('runs calls in the order they were made', async () => {
    const engine = newEngine();
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    await Promise.all([
      engine
        .createModel({ modelId: 'model', baseModel: 'local/random', lora: fullLora })
        .then(note('create')),
      engine
        .forwardBackward({
          modelId: 'model',
          rows: [textRow('Hello')],
          loss: 'cross_entropy',
          lossConfig: {},
          forwardOnly: true,
        })
        .then(note('forward')),
      engine
        .createSampler({ samplerId: 'sampler', baseModel: 'local/random', from: { kind: 'base' } })
        .then(note('sampler')),
      engine.sample(sampleTask('sampler', 'Hello')).then(note('sample')),
      engine.unloadModel('model').then(note('unload')),
      engine.sample(sampleTask('sampler', 'Hello')).then(note('sample again')),
    ]);
    expect(order).toEqual(['create', 'forward', 'sampler', 'sample', 'unload', 'sample again']);
  });

  it('is one of several in a process, each with models of its own', async () => {
    const engines = [newEngine(1n), newEngine(1n), newEngine(2n)];
    const results = await Promise.all(
      engines.map(async (engine) => {
        await engine.createSampler({
          samplerId: 'sampler',
          baseModel: 'local/random',
          from: { kind: 'base' },
        });
        return engine.sample(sampleTask('sampler', 'Hello', { seed: undefined }));
      }),
    );
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).not.toEqual(results[0]);
  });

  it('fails what waits and every later call when it is closed', async () => {
    const engine = newEngine();
    const waiting = engine.createModel({ modelId: 'model', baseModel: 'local/random', lora: fullLora });
    const failure = { name: 'EngineError', category: 'server', message: 'The training engine was closed' };
    const expectation = expect(waiting).rejects.toMatchObject(failure);
    await engine.close();
    await expectation;
    await expect(engine.stats()).rejects.toMatchObject(failure);
    await engine.close();
  });

  it('fails what waits and every later call when the thread crashes', async () => {
    const client = await clientOf(`parentPort.on('message', () => { throw new Error('out of order'); });`);
    const failure = { category: 'server', message: 'The training engine crashed: out of order' };
    const calls = [client.models(), client.stats()];
    for (const result of await Promise.allSettled(calls))
      expect(result).toMatchObject({ status: 'rejected', reason: failure });
    await expect(client.models()).rejects.toMatchObject(failure);
  });

  it('fails what waits when the thread ends by itself', async () => {
    const client = await clientOf(`parentPort.once('message', () => process.exit(0));`);
    await expect(client.models()).rejects.toMatchObject({
      category: 'server',
      message: 'The training engine has stopped',
    });
  });

  it('keeps message and category of a refusal', async () => {
    const call = newEngine().createModel({ modelId: 'model', baseModel: 'local/none', lora: fullLora });
    await expect(call).rejects.toMatchObject({
      name: 'EngineError',
      category: 'user',
      message: expect.stringContaining('local/none'),
    });
  });
});
