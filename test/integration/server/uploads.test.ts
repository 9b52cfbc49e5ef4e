import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { startServer, until, WireClient, type TestServer } from './wire-client.ts';

const clock = new ManualClock();
let running: TestServer;
let client: WireClient;
let exported: Map<string, Buffer>;

beforeAll(async () => {
  running = await startServer({ clock, apiKey: 'tml-key', maxBodyBytes: 2 ** 20 });
  client = new WireClient(running.server.url, { 'x-api-key': 'tml-key' });
  const model_id = await client.createModel();
  await client.run('save_weights_external', { model_id, seq_id: 1, path: 'e' });
  const id = `training_runs/${model_id}/checkpoints/external_weights/e/external_weights_urls`;
  exported = new Map();
  for (const [name, url] of Object.entries<string>((await client.get(id)).json.urls))
    exported.set(name, (await running.client.send('GET', url)).bytes);
});
afterAll(() => running[Symbol.asyncDispose]());

const start = (change: object = {}) =>
  client.post('external_weights_upload_start', {
    base_model: 'local/random',
    lora_config: { rank: 4 },
    destination_project_id: 'p',
    ...change,
  });

/** Sends a file without the key. */
const put = (url: string, content: Uint8Array, contentType = 'application/octet-stream') =>
  running.client.send('PUT', url, content, { 'content-type': contentType });

const finish = (upload_id: string) => client.post('external_weights_upload_finish', { upload_id });

async function uploadAll(files: Map<string, Uint8Array>, change: object = {}) {
  const { upload_id, urls } = (await start(change)).json;
  for (const [name, content] of files) expect((await put(urls[name], content)).status).toBe(204);
  return finish(upload_id);
}

describe('uploading external weights (RST-28)', () => {
  it('makes a checkpoint of what was exported, which exports the same again', async () => {
    const { json } = await start();
    expect(json).toEqual({
      upload_id: expect.any(String),
      urls: {
        'adapter_config.json': expect.stringContaining('signature='),
        'adapter_model.safetensors': expect.stringContaining('signature='),
      },
      expires: new Date(clock.now() + 60 * 60_000).toISOString(),
    });
    const config = exported.get('adapter_config.json') ?? Buffer.alloc(0);
    expect((await put(json.urls['adapter_config.json'], config, 'application/json')).status).toBe(204);
    const early = await finish(json.upload_id);
    expect([early.status, early.json.detail]).toEqual([
      422,
      'These files were not sent yet: adapter_model.safetensors',
    ]);
    const weights = exported.get('adapter_model.safetensors') ?? Buffer.alloc(0);
    await put(json.urls['adapter_model.safetensors'], weights);
    const { tinker_path } = (await finish(json.upload_id)).json;
    expect((await finish(json.upload_id)).json).toEqual({ tinker_path });
    expect(tinker_path).toMatch(/^tinker:\/\/.+\/external_weights\/upload$/);
    const [run] = tinker_path.slice('tinker://'.length).split('/');
    const listed = await client.get(
      `training_runs/${run}/checkpoints/external_weights/upload/external_weights_urls`,
    );
    for (const [name, url] of Object.entries<string>(listed.json.urls)) {
      expect(
        (await running.client.send('GET', url)).bytes.equals(exported.get(name) ?? Buffer.alloc(0)),
      ).toBe(true);
    }
    expect((await client.get('training_runs?project_id=p')).json.training_runs).toHaveLength(1);
    expect((await client.post('weights_info', { tinker_path })).json.lora_rank).toBe(4);
    expect((await put(json.urls['adapter_config.json'], config)).status).toBe(422);
    const step = await client.post('optim_step', { model_id: run, seq_id: 1, adam_params: {} });
    expect(step.json.detail).toMatch(/is a copy of an upload and cannot be trained$/);
  });

  it('refuses files that are no export of that model and configuration', async () => {
    const rank = await uploadAll(exported, { lora_config: { rank: 8 } });
    expect([rank.status, rank.json.detail]).toEqual([
      422,
      expect.stringMatching(/^These files cannot be used: adapter_config.json: the adapter has rank 4/),
    ]);
    const modules = await uploadAll(exported, { lora_config: { rank: 4, train_mlp: false } });
    expect(modules.json.detail).toContain('trains');
    const broken = await uploadAll(
      new Map([...exported, ['adapter_model.safetensors', Buffer.from('no weights')]]),
    );
    expect([broken.status, broken.json.detail]).toEqual([
      422,
      expect.stringContaining('adapter_model.safetensors'),
    ]);
    expect(broken.json.detail).not.toContain(running.server.dataDir);
    expect((await start({ base_model: 'local/none' })).status).toBe(404);
    expect((await finish('nobody')).status).toBe(404);
  });

  it('takes files only to their signed URLs, up to a size, and within an hour', async () => {
    const { upload_id, urls } = (await start()).json;
    const url = urls['adapter_config.json'];
    expect((await put(url.replace(/signature=./, 'signature=x'), Buffer.from('{}'))).status).toBe(403);
    expect(
      (await put(url.replace('adapter_config.json', 'optimizer.safetensors'), Buffer.from('{}'))).status,
    ).toBe(422);
    const large = await put(url, Buffer.alloc(2 ** 20 + 1));
    expect([large.status, large.json.detail]).toEqual([413, 'The file is larger than 1048576 bytes']);
    const staging = join(running.server.dataDir, 'staging');
    expect(readdirSync(staging).length).toBeGreaterThan(0);
    clock.advance(60 * 60_000);
    expect((await put(url, Buffer.from('{}'))).status).toBe(403);
    await until(() => !existsSync(staging) || readdirSync(staging).length === 0);
    expect((await finish(upload_id)).status).toBe(404);
  });
});
