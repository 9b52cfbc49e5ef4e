import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, seedRun, startCliBench, type CliBench, type SeededRun } from '../helpers/cli.ts';

let bench: CliBench;
let older: SeededRun;
let newer: SeededRun;

beforeAll(async () => {
  bench = await startCliBench();
  older = await seedRun(bench, ['first', 'second'], { note: 'a [b] c' });
  newer = await seedRun(bench, ['only']);
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('run list (CMD-2)', () => {
  it('draws runs, newest first, as wide as their content and without colors when piped', async () => {
    const { stdout, stderr, exitCode } = await bench.run('run', 'list');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).not.toContain('\u001b');
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]?.trim()).toBe('2 training runs');
    expect(lines[2]?.split('┃').map((cell) => cell.trim())).toEqual([
      '',
      'Run ID',
      'Base Model',
      'LoRA',
      'Last Update',
      'Status',
      '',
    ]);
    expect(lines[4]).toMatch(new RegExp(`^│ ${newer.runId} │ local/random │ Rank 4 │ just now +│ OK +│$`));
    expect(lines[5]).toContain(older.runId);
    expect(new Set(lines.slice(1).map((line) => line.length)).size).toBe(1);
  });

  it('gives every field in JSON, times as the server writes them', async () => {
    const { runs } = (await bench.json('run', 'list')) as { runs: Record<string, unknown>[] };
    expect(runs).toHaveLength(2);
    expect(runs[1]).toMatchObject({
      training_run_id: older.runId,
      base_model: 'local/random',
      is_lora: true,
      lora_rank: 4,
      corrupted: false,
      last_request_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      last_checkpoint: { tinker_path: older.paths['second'] },
      user_metadata: { note: 'a [b] c' },
    });
  });

  it('stops at --limit and says how many there are besides', async () => {
    const { stdout } = await bench.run('run', 'list', '--limit', '1');
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /^ ?1 training run \(1 more not shown, use --limit to see more\)/,
    );
    expect(stdout).not.toContain(older.runId);
    expect((await bench.run('run', 'list', '--limit', '0')).stdout).toContain(older.runId);
  });

  it('shows the columns that --columns names, in their order', async () => {
    const { stdout } = await bench.run('run', 'list', '-c', 'checkpoint, id,owner');
    expect(
      stdout
        .split('\n')[2]
        ?.split('┃')
        .map((cell) => cell.trim()),
    ).toEqual(['', 'Last Checkpoint', 'Run ID', 'Owner', '']);
    expect(stdout).toContain('weights/only');
  });

  it('makes no session on the server (CLI-9)', async () => {
    const before = bench.server.requests.length;
    await bench.run('run', 'list');
    const routes = bench.server.requests.slice(before).map(({ route }) => route);
    expect(routes).toContain('/api/v1/training_runs');
    expect(routes).not.toContain('/api/v1/create_session');
  });
});

describe('run info (CMD-3)', () => {
  it('shows the facts of a run, its last checkpoint and its metadata', async () => {
    const { stdout } = await bench.run('run', 'info', older.runId);
    const rows = stdout.split('\n').map((line) =>
      line
        .split(/[│┃]/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    expect(stdout).toContain(`Training Run: ${older.runId}`);
    for (const row of [
      ['Property', 'Value'],
      ['Run ID', older.runId],
      ['Base Model', 'local/random'],
      ['LoRA', 'Yes (Rank 4)'],
      ['Status', 'OK'],
      ['Last Training Checkpoint', 'weights/second'],
      ['- Path', older.paths['second']],
      ['Metadata', ''],
      ['- note', 'a [b] c'],
    ]) {
      expect(rows).toContainEqual(row);
    }
  });

  it('is the run itself in JSON', async () => {
    expect(await bench.json('run', 'info', newer.runId)).toMatchObject({
      training_run_id: newer.runId,
      lora_rank: 4,
    });
  });
});

describe('checkpoint list (CMD-4)', () => {
  it('draws the checkpoints of all runs', async () => {
    const { stdout } = await bench.run('checkpoint', 'list');
    expect(stdout.split('\n')[0]?.trim()).toBe('3 checkpoints');
    expect(
      stdout
        .split('\n')[2]
        ?.split('┃')
        .map((cell) => cell.trim()),
    ).toEqual(['', 'Checkpoint ID', 'Type', 'Size', 'Public', 'Created', 'Expires', 'Path', '']);
    expect(stdout).toMatch(
      new RegExp(
        `│ weights/only +│ training │ [\\d.]+ KB │ No +│ just now │ Never +│ ${newer.paths['only']}`,
      ),
    );
  });

  it('gives those of one run with --run-id, named in title and JSON', async () => {
    const { stdout } = await bench.run('checkpoint', 'list', '--run-id', older.runId);
    expect(stdout.split('\n')[0]?.trim()).toBe(`2 checkpoints for run ${older.runId}`);
    const listed = (await bench.json('checkpoint', 'list', '--run-id', older.runId)) as object;
    expect(Object.keys(listed)).toEqual(['run_id', 'checkpoints']);
    expect(listed).toMatchObject({ run_id: older.runId, checkpoints: [{}, {}] });
  });

  it('stops at --limit', async () => {
    expect(await bench.json('checkpoint', 'list', '--limit', '2')).toMatchObject({ checkpoints: [{}, {}] });
  });
});

describe('checkpoint info (CMD-5)', () => {
  it('shows the facts of a checkpoint', async () => {
    const { stdout } = await bench.run('checkpoint', 'info', older.paths['first'] ?? '');
    const rows = stdout.split('\n').map((line) =>
      line
        .split('│')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    expect(stdout).toContain('Checkpoint: weights/first');
    expect(rows).toContainEqual(['Type', 'training']);
    expect(rows).toContainEqual(['Tinker Path', older.paths['first']]);
    expect(rows).toContainEqual(['Training Run ID', older.runId]);
    expect(rows).toContainEqual(['LoRA', 'Yes (Rank 4)']);
    expect(rows).toContainEqual(['Expires', 'Never']);
  });

  it('adds is_lora and lora_rank to the checkpoint in JSON', async () => {
    expect(await bench.json('checkpoint', 'info', older.paths['first'] ?? '')).toMatchObject({
      checkpoint_id: 'weights/first',
      checkpoint_type: 'training',
      tinker_path: older.paths['first'],
      is_lora: true,
      lora_rank: 4,
    });
  });
});

describe('output', () => {
  it('is as wide as COLUMNS says, and has colors by FORCE_COLOR unless NO_COLOR forbids them (CLI-14, CLI-15)', async () => {
    const connection = { TINKER_BASE_URL: bench.server.url, TINKER_API_KEY: 'tml-test' };
    const list = async (env: Record<string, string>) =>
      (await runCli(['run', 'list'], { cwd: bench.folder, env: { ...connection, ...env } })).stdout;
    expect(await list({ COLUMNS: '60', FORCE_COLOR: '1', NO_COLOR: '1' })).toMatch(
      /^2 training runs\n\nRun ID       \S+\nBase Model  /,
    );
    expect(await list({ FORCE_COLOR: '1' })).toContain('\u001b[1mRun ID\u001b[22m');
  });

  it('ends quietly when the reader of a pipe has left', async () => {
    const { child, ended } = bench.start('run', 'list', '-f', 'json');
    child.stdout?.destroy();
    expect(await ended).toMatchObject({ stderr: '', exitCode: 0 });
  });
});

describe('an empty server (CLI-16)', () => {
  it('has tables without rows and empty lists', async () => {
    await using empty = await startCliBench();
    const { stdout, exitCode } = await empty.run('run', 'list');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('No training runs found');
    expect(stdout.trimEnd().split('\n')).toHaveLength(5);
    expect(await empty.json('run', 'list')).toEqual({ runs: [] });
    expect(await empty.json('checkpoint', 'list')).toEqual({ checkpoints: [] });
  });
});
