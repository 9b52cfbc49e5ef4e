import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalServer } from '../../../src/server/index.ts';
import { makeFolder, startServer, until, WireClient } from './wire-client.ts';

const script = fileURLToPath(new URL('./server-process.ts', import.meta.url));
let dataDir: string;

beforeAll(() => {
  dataDir = makeFolder();
});
afterAll(() => rmSync(dataDir, { recursive: true }));

async function startProcess(): Promise<{ child: ChildProcess; client: WireClient }> {
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { child, client: new WireClient(String(line).trim()) };
}

describe('a restart', () => {
  it('keeps checkpoints, lists, sessions and samplers of saved weights; what was in memory only says what became of it', async () => {
    const before = await startServer({ dataDir });
    const { client: old } = before;
    const session_id = await old.createSession();
    const saved = await old.createModel({ sessionId: session_id });
    const unsaved = await old.createModel({ sessionId: session_id, counter: 1 });
    const { path } = await old.run('save_weights', {
      model_id: saved,
      seq_id: 1,
      path: 'a',
      ttl_seconds: 3600,
    });
    const named = await old.run('save_weights_for_sampler', { model_id: saved, seq_id: 2, path: 's' });
    const memory = await old.run('save_weights_for_sampler', {
      model_id: saved,
      seq_id: 3,
      sampling_session_seq_id: 0,
    });
    const sampler = { session_id, sampling_session_seq_id: 1, model_path: named.path };
    const { sampling_session_id } = (await old.post('create_sampling_session', sampler)).json;
    const future = (await old.post('optim_step', { model_id: unsaved, seq_id: 1, adam_params: {} })).json
      .request_id;
    await old.outcome(future);
    const lists = ['checkpoints', 'training_runs', 'sessions', `sessions/${session_id}`];
    const listed = await Promise.all(lists.map(async (list) => (await old.get(list)).json));
    await before[Symbol.asyncDispose]();

    await using after = await startServer({ dataDir });
    const { client } = after;
    expect(await Promise.all(lists.map(async (list) => (await client.get(list)).json))).toEqual(listed);
    expect((await client.poll(future)).status).toBe(410);
    expect((await client.post('session_heartbeat', { session_id })).status).toBe(200);

    const step = { seq_id: 4, adam_params: {} };
    const lost = await client.post('optim_step', { ...step, model_id: saved });
    expect(lost.status).toBe(404);
    expect(lost.json.detail).toContain(`the server was restarted. Its last checkpoint is ${path}`);
    const gone = await client.post('optim_step', { ...step, model_id: unsaved });
    expect(gone.json.detail).toContain('Nothing of it was saved');

    const loaded = await client.run('load_weights', { session_id, model_seq_id: 2, path, optimizer: true });
    expect(loaded.model_id).toBe(`${session_id}:train:2`);

    const prompt = { chunks: [{ tokens: [1, 2] }] };
    const sample = { prompt, sampling_params: { max_tokens: 2 }, seq_id: 0 };
    expect((await client.run('asample', { ...sample, sampling_session_id })).sequences).toHaveLength(1);
    const forgotten = await client.post('asample', {
      ...sample,
      sampling_session_id: memory.sampling_session_id,
    });
    expect([forgotten.status, forgotten.json.detail]).toEqual([
      404,
      expect.stringContaining('lost when the server'),
    ]);
  });

  it('lets a model that saved nothing be made again under its id, and no other', async () => {
    await using before = await startServer();
    const saved = await before.client.createModel();
    await before.client.run('save_weights', { model_id: saved, seq_id: 1, path: 'a' });
    const unsaved = await before.client.createModel();
    await before.server.close();
    await using after = await startServer({ dataDir: before.server.dataDir });
    expect(await after.client.createModel({ sessionId: unsaved.split(':')[0] ?? '' })).toBe(unsaved);
    await expect(after.client.createModel({ sessionId: saved.split(':')[0] ?? '' })).rejects.toThrow(
      'is no longer in memory',
    );
  });
});

describe('a second server on one data folder', () => {
  it('is refused while the first lives, in this process or another', async () => {
    await using first = await startServer();
    const again = createLocalServer({ dataDir: first.server.dataDir });
    await expect(again).rejects.toThrow('is in use by another server');
    const { child } = await startProcess();
    try {
      await expect(createLocalServer({ dataDir })).rejects.toThrow('is in use by another server');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  it('is told apart from a folder of a newer version', async () => {
    const folder = makeFolder();
    const database = new DatabaseSync(join(folder, 'tinker.db'));
    database.exec('PRAGMA user_version = 1000');
    database.close();
    await expect(createLocalServer({ dataDir: folder })).rejects.toThrow('was made by a newer version');
    rmSync(folder, { recursive: true });
  });

  it('is told apart from a folder that cannot be used', async () => {
    await expect(createLocalServer({ dataDir: '/dev/null/x' })).rejects.toThrow('cannot be used');
  });
});

describe('a kill in the middle of a save', () => {
  const staging = () => join(dataDir, 'staging');

  it.each([
    ['while the files are written', () => existsSync(staging()) && readdirSync(staging()).length > 0],
    ['around the moment they take their place', (folder: string) => existsSync(join(folder, 'new'))],
    [
      'while another checkpoint is replaced',
      (folder: string) => existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('.')),
    ],
  ])('leaves whole checkpoints only: %s', async (_when, isMoment) => {
    const { child, client } = await startProcess();
    const model_id = await client.createModel();
    await client.run('save_weights', { model_id, seq_id: 1, path: 'old' });
    const folder = join(dataDir, 'runs', model_id.replaceAll(':', '_'), 'weights');
    let isDone = false;
    const saves = Promise.allSettled(
      Array.from({ length: 12 }, async (_, index) => {
        const name = index === 0 ? { path: 'new' } : { path: 'old', overwrite: true };
        return client.run('save_weights', { model_id, seq_id: index + 2, ...name });
      }),
    ).finally(() => (isDone = true));
    await until(() => isDone || isMoment(folder));
    child.kill('SIGKILL');
    await Promise.all([once(child, 'exit'), saves]);

    await using after = await startServer({ dataDir });
    const { checkpoints } = (await after.client.get(`training_runs/${model_id}/checkpoints`)).json;
    const names: string[] = checkpoints.map(
      (item: { checkpoint_id: string }) => item.checkpoint_id.split('/')[1],
    );
    expect(names).toContain('old');
    expect(readdirSync(folder).sort()).toEqual(names.toSorted());
    expect(existsSync(staging())).toBe(false);
    for (const { tinker_path } of checkpoints) {
      const session_id = await after.client.createSession();
      const load = { session_id, model_seq_id: 0, path: tinker_path, optimizer: true };
      expect(await after.client.run('load_weights', load)).toMatchObject({ path: tinker_path });
    }
  });
});
