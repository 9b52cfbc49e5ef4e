import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalServer } from '../../../src/server/index.ts';
import { makeFolder, startServer, type TestServer, type WireClient } from './wire-client.ts';

const alias = 'Qwen/Qwen3-8B';
let running: TestServer;
let client: WireClient;
let session_id: string;
let model_id: string;

beforeAll(async () => {
  running = await startServer({ aliases: { [alias]: 'local/random' } });
  client = running.client;
  session_id = await client.createSession();
  const lora_config = { rank: 4, seed: 1 };
  const created = await client.run('create_model', {
    session_id,
    model_seq_id: 0,
    base_model: alias,
    lora_config,
  });
  model_id = created.model_id;
});
afterAll(() => running[Symbol.asyncDispose]());

describe('a model under another name', () => {
  it('goes by that name, with the tokenizer of what it really is', async () => {
    expect((await client.post('get_info', { model_id })).json).toMatchObject({
      model_name: alias,
      model_data: { model_name: alias, tokenizer_id: 'local/random' },
    });
    const path = 'resolve/main/tokenizer.json';
    const aliased = await client.send('GET', `/${alias}/${path}`);
    expect(aliased.bytes.equals((await client.send('GET', `/local/random/${path}`)).bytes)).toBe(true);
  });

  it('is saved, told and sampled under it, and exchanges weights with the model that it is', async () => {
    const { path } = await client.run('save_weights', { model_id, seq_id: 1, path: 'w' });
    expect((await client.post('weights_info', { tinker_path: path })).json.base_model).toBe(alias);
    const real = await client.createModel({ sessionId: session_id, counter: 1 });
    const load = { model_id: real, seq_id: 1, path, optimizer: true };
    expect(await client.run('load_weights', load)).toMatchObject({ type: 'load_weights' });
    const sampler = { session_id, sampling_session_seq_id: 0, model_path: path, base_model: 'local/random' };
    const { sampling_session_id } = (await client.post('create_sampling_session', sampler)).json;
    expect((await client.get(`samplers/${sampling_session_id}`)).json.base_model).toBe(alias);
    const other = {
      session_id,
      sampling_session_seq_id: 1,
      model_path: path,
      base_model: 'local/stories-1m',
    };
    expect((await client.post('create_sampling_session', other)).status).toBe(422);
    const sample = await client.run('asample', {
      sampling_session_id,
      prompt: { chunks: [{ type: 'encoded_text', tokens: [1] }] },
      sampling_params: { max_tokens: 2, stop: [] },
    });
    expect(sample.sequences[0].tokens).toHaveLength(2);
  });

  it.each([
    ['../x', 'local/random', /no name of a model/],
    ['a/b/c', 'local/random', /no name of a model/],
    ['local/random', 'local/stories-1m', /is a model itself/],
    ['a/b', 'local/none', /there is no model local\/none/],
    ['a/b', '../models/local/random', /there is no model/],
  ])('cannot be %s for %s', async (name, model, reason) => {
    const dataDir = makeFolder();
    await expect(createLocalServer({ dataDir, aliases: { [name]: model } })).rejects.toThrow(reason);
    rmSync(dataDir, { recursive: true });
  });
});
