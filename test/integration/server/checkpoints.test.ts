import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { forwardBackwardBytes, startServer, type TestServer, type WireClient } from './wire-client.ts';

const clock = new ManualClock();
let running: TestServer;
let client: WireClient;

beforeAll(async () => {
  running = await startServer({ clock });
  client = running.client;
});
afterAll(() => running[Symbol.asyncDispose]());

const folderOf = (modelId: string, ...parts: string[]) =>
  join(running.server.dataDir, 'runs', modelId.replaceAll(':', '_'), ...parts);

async function trainedModel(): Promise<string> {
  const modelId = await client.createModel();
  await client.post('forward_backward', forwardBackwardBytes(modelId, 1));
  await client.run('optim_step', { model_id: modelId, seq_id: 2, adam_params: { learning_rate: 0.1 } });
  return modelId;
}

async function lossOf(model_id: string, seqId: number): Promise<number> {
  const { json } = await client.post('forward_backward', forwardBackwardBytes(model_id, seqId));
  return (await client.outcome(json.request_id)).json.metrics['loss:sum'];
}

describe('saving', () => {
  it('writes a PEFT adapter with the optimizer state, and lists it under the path it answered', async () => {
    const model_id = await trainedModel();
    const saved = await client.run('save_weights', {
      model_id,
      seq_id: 3,
      path: 'a',
      user_metadata: { step: '1' },
    });
    expect(saved).toEqual({ type: 'save_weights', path: `tinker://${model_id}/weights/a` });
    expect(readdirSync(folderOf(model_id, 'weights', 'a')).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'checkpoint_complete',
      'optimizer.safetensors',
    ]);
    const { checkpoints } = (await client.get(`training_runs/${model_id}/checkpoints`)).json;
    expect(checkpoints).toEqual([
      {
        checkpoint_id: 'weights/a',
        base_model: 'local/random',
        checkpoint_type: 'training',
        time: new Date(clock.now()).toISOString(),
        tinker_path: saved.path,
        size_bytes: expect.any(Number),
        public: false,
        user_metadata: { step: '1' },
      },
    ]);
  });

  it('a name twice fails the second operation, and replaces the first only when told to', async () => {
    const model_id = await client.createModel();
    await client.run('save_weights', { model_id, seq_id: 1, path: 'a', user_metadata: { a: 'b' } });
    const failed = await client.run('save_weights', { model_id, seq_id: 2, path: 'a' });
    expect(failed).toEqual({ error: expect.stringContaining('exists already'), category: 'user' });
    clock.advance(1000);
    await client.run('save_weights', { model_id, seq_id: 3, path: 'a', overwrite: true });
    const { checkpoints } = (await client.get(`training_runs/${model_id}/checkpoints`)).json;
    expect(checkpoints).toHaveLength(1);
    expect(checkpoints[0].time).toBe(new Date(clock.now()).toISOString());
    expect(checkpoints[0]).not.toHaveProperty('user_metadata');
  });

  it('for sampling writes the adapter alone', async () => {
    const model_id = await client.createModel();
    const saved = await client.run('save_weights_for_sampler', {
      model_id,
      seq_id: 1,
      path: 's',
      kind: 'snapshot',
    });
    expect(saved.path).toBe(`tinker://${model_id}/sampler_weights/s`);
    expect(readdirSync(folderOf(model_id, 'sampler_weights', 's'))).not.toContain('optimizer.safetensors');
  });
});

describe('loading', () => {
  it('makes a new model of a state, which goes on with seq_id 1 as the old one would', async () => {
    const model_id = await trainedModel();
    const { path } = await client.run('save_weights', { model_id, seq_id: 3, path: 'a' });
    const session_id = model_id.split(':')[0];
    const loaded = await client.run('load_weights', { session_id, model_seq_id: 7, path, optimizer: true });
    expect(loaded).toEqual({ type: 'load_weights', path, model_id: `${session_id}:train:7` });
    const info = (await client.post('get_info', { model_id: loaded.model_id })).json;
    expect(info).toMatchObject({ lora_rank: 4, model_data: { model_name: 'local/random' } });
    const losses: number[][] = [];
    for (const [id, first] of [
      [model_id, 4],
      [loaded.model_id, 1],
    ] as const) {
      const before = await lossOf(id, first);
      await client.run('optim_step', {
        model_id: id,
        seq_id: first + 1,
        adam_params: { learning_rate: 0.1 },
      });
      losses.push([before, await lossOf(id, first + 2)]);
    }
    expect(losses[0]).toEqual(losses[1]);
  });

  it('puts a state back into a model at its turn', async () => {
    const model_id = await client.createModel();
    await client.post('save_weights', { model_id, seq_id: 1, path: 'a' });
    const before = await lossOf(model_id, 2);
    await client.post('optim_step', { model_id, seq_id: 3, adam_params: { learning_rate: 0.1 } });
    const path = `tinker://${model_id}/weights/a`;
    await client.run('load_weights', { model_id, seq_id: 4, path, optimizer: false });
    expect(await lossOf(model_id, 5)).toBe(before);
  });

  it('fails the new model and what was sent to it when the state is damaged', async () => {
    const model_id = await client.createModel();
    const { path } = await client.run('save_weights', { model_id, seq_id: 1, path: 'a' });
    rmSync(folderOf(model_id, 'weights', 'a', 'adapter_model.safetensors'));
    const session_id = model_id.split(':')[0];
    // The engine has enough to do before the load for the step to arrive in time.
    for (let seqId = 2; seqId <= 41; seqId++)
      await client.post('forward_backward', forwardBackwardBytes(model_id, seqId));
    const load = await client.post('load_weights', { session_id, model_seq_id: 1, path, optimizer: false });
    const step = { model_id: `${session_id}:train:1`, seq_id: 1, adam_params: {} };
    const later = await client.post('optim_step', step);
    expect((await client.outcome(load.json.request_id)).json).toHaveProperty('error');
    expect((await client.outcome(later.json.request_id)).json.error).toContain('was not created');
    expect((await client.post('get_info', { model_id: step.model_id })).status).toBe(404);
  });
});

describe('managing', () => {
  it('lists all checkpoints newest first, page by page', async () => {
    const model_id = await client.createModel();
    for (const [index, path] of ['one', 'two', 'three'].entries()) {
      clock.advance(1000);
      await client.run('save_weights', { model_id, seq_id: index + 1, path });
    }
    const all = (await client.get('checkpoints?limit=2')).json;
    expect(all.checkpoints.map((item: { checkpoint_id: string }) => item.checkpoint_id)).toEqual([
      'weights/three',
      'weights/two',
    ]);
    expect(all.cursor).toEqual({ offset: 0, limit: 2, total_count: expect.any(Number) });
    const rest = (await client.get('checkpoints?limit=1&offset=2')).json;
    expect(rest.checkpoints[0].checkpoint_id).toBe('weights/one');
  });

  it('tells of a run: its model, its metadata that are texts, and its last checkpoints', async () => {
    const session_id = await client.createSession();
    const lora_config = { rank: 2, train_mlp: false };
    const body = {
      session_id,
      model_seq_id: 0,
      base_model: 'local/random',
      lora_config,
      user_metadata: { a: 'b', n: 1 },
    };
    const { model_id } = await client.run('create_model', body);
    const { path } = await client.run('save_weights', { model_id, seq_id: 1, path: 'a' });
    await client.run('save_weights_for_sampler', { model_id, seq_id: 2, path: 's' });
    const run = (await client.get(`training_runs/${model_id}`)).json;
    expect(run).toMatchObject({
      training_run_id: model_id,
      base_model: 'local/random',
      is_lora: true,
      lora_rank: 2,
      corrupted: false,
      user_metadata: { a: 'b' },
      last_checkpoint: { checkpoint_id: 'weights/a' },
      last_sampler_checkpoint: { checkpoint_id: 'sampler_weights/s' },
    });
    const listed = (await client.get('training_runs?limit=1')).json;
    expect(listed).toMatchObject({ training_runs: [run], cursor: { limit: 1, offset: 0 } });
    expect((await client.post('weights_info', { tinker_path: path })).json).toEqual({
      base_model: 'local/random',
      optimizer_config: { type: 'adamw' },
      is_lora: true,
      lora_rank: 2,
      train_unembed: true,
      train_mlp: false,
      train_attn: true,
    });
  });

  it('publishes, unpublishes and deletes, with the content type and no body as the official client sends them', async () => {
    const model_id = await client.createModel();
    await client.run('save_weights', { model_id, seq_id: 1, path: 'a' });
    const path = `/api/v1/training_runs/${model_id}/checkpoints/weights/a`;
    const isPublic = async () => (await client.get(`training_runs/${model_id}`)).json.last_checkpoint.public;
    expect((await client.send('POST', `${path}/publish`)).status).toBe(204);
    expect((await client.send('POST', `${path}/publish`)).status).toBe(204);
    expect(await isPublic()).toBe(true);
    expect((await client.send('DELETE', `${path}/publish`)).status).toBe(204);
    expect(await isPublic()).toBe(false);
    expect((await client.send('DELETE', path)).status).toBe(204);
    expect((await client.send('DELETE', path)).status).toBe(404);
    expect(readdirSync(folderOf(model_id, 'weights'))).toEqual([]);
  });

  it('lets a checkpoint expire on the clock, and not when its ttl was taken back', async () => {
    const model_id = await client.createModel();
    await client.run('save_weights', { model_id, seq_id: 1, path: 'short', ttl_seconds: 3600 });
    await client.run('save_weights', { model_id, seq_id: 2, path: 'kept', ttl_seconds: 3600 });
    const ttl = `/api/v1/training_runs/${model_id}/checkpoints/weights/kept/ttl`;
    expect((await client.send('PUT', ttl, { ttl_seconds: null })).status).toBe(204);
    const names = async () =>
      (await client.get(`training_runs/${model_id}/checkpoints`)).json.checkpoints.map(
        (item: { checkpoint_id: string }) => item.checkpoint_id,
      );
    clock.advance(3_599_000);
    expect(await names()).toEqual(['weights/kept', 'weights/short']);
    clock.advance(1000);
    expect(await names()).toEqual(['weights/kept']);
    expect(
      (await client.post('weights_info', { tinker_path: `tinker://${model_id}/weights/short` })).status,
    ).toBe(404);
  });
});
