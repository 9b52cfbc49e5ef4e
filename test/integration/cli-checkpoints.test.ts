import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedRun, startCliBench, type CliBench, type SeededRun } from '../helpers/cli.ts';

let bench: CliBench;
let run: SeededRun;

beforeAll(async () => {
  bench = await startCliBench();
});
afterAll(() => bench[Symbol.asyncDispose]());

async function names(): Promise<string[]> {
  const { checkpoints } = (await bench.json('checkpoint', 'list', '--run-id', run.runId)) as {
    checkpoints: { checkpoint_id: string }[];
  };
  return checkpoints.map(({ checkpoint_id }) => checkpoint_id).toSorted();
}

describe('publish, unpublish and set-ttl (CMD-6, CMD-7, CMD-8)', () => {
  it('are silent for scripts, and say in JSON what holds now', async () => {
    run = await seedRun(bench, ['shared']);
    const path = run.paths['shared'] ?? '';
    expect(await bench.run('checkpoint', 'publish', path)).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(await bench.json('checkpoint', 'info', path)).toMatchObject({ public: true });
    expect(await bench.json('checkpoint', 'unpublish', path)).toEqual({ tinker_path: path, public: false });
    expect(await bench.json('checkpoint', 'set-ttl', path, '--ttl', '7200')).toEqual({
      tinker_path: path,
      ttl_seconds: 7200,
    });
    expect(await bench.json('checkpoint', 'info', path)).toMatchObject({ expires_at: expect.any(String) });
    await bench.json('checkpoint', 'set-ttl', path, '--remove');
    expect(await bench.json('checkpoint', 'info', path)).toMatchObject({ expires_at: null });
  });

  it.each([
    [[], 'Give either --ttl <seconds> or --remove.'],
    [['--ttl', '60', '--remove'], 'Give only one of --ttl and --remove.'],
  ])('set-ttl %j is refused before anything is asked', async (options, message) => {
    const { exitCode, stderr } = await bench.run('checkpoint', 'set-ttl', 'tinker://r/weights/a', ...options);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(`Error: ${message}\nUse --ttl to set an expiration or --remove to clear it.\n`);
  });
});

describe('delete by run (CMD-9)', () => {
  it('deletes those of a run that fit all filters', async () => {
    run = await seedRun(bench, ['one', 'two']);
    const select = (...filters: string[]) =>
      bench.json('checkpoint', 'delete', '--yes', '--run-id', run.runId, ...filters);
    expect(await select('--type', 'sampler')).toEqual({ deleted_count: 0, failed: [] });
    expect(await select('--before', '2020-01-01')).toEqual({ deleted_count: 0, failed: [] });
    expect(await names()).toEqual(['weights/one', 'weights/two']);
    expect(await select('--type', 'weights', '--after', '2020-01-01T00:00:00Z')).toEqual({
      deleted_count: 2,
      failed: [],
    });
    expect(await names()).toEqual([]);
  });

  it.each([
    [[], 'Give the paths of checkpoints, or --run-id.'],
    [['tinker://r/weights/a', '--run-id', 'r'], 'Give either paths or --run-id, not both.'],
    [['tinker://r/weights/a', '--type', 'weights'], '--type, --before and --after need --run-id.'],
    [['--run-id', 'r', '--type', 'foo'], 'Invalid checkpoint type: foo'],
    [['--run-id', 'r', '--before', '24-1-1'], 'Invalid date: 24-1-1'],
  ])('%j is refused', async (args, message) => {
    const { exitCode, stderr } = await bench.run('checkpoint', 'delete', '--yes', ...args);
    expect({ exitCode, line: stderr.split('\n')[0] }).toEqual({ exitCode: 2, line: `Error: ${message}` });
  });
});

describe('prune', () => {
  it('keeps the newest of each kind, and what is public; shows it first when asked', async () => {
    run = await seedRun(bench, ['a', 'b', 'c', 'd']);
    await bench.run('checkpoint', 'publish', run.paths['a'] ?? '');
    const prune = (...options: string[]) =>
      bench.run('checkpoint', 'prune', '--run-id', run.runId, '--keep', '2', ...options);
    const { stdout } = await prune('--dry-run');
    expect(stdout).toMatch(
      /^Would delete 1 checkpoint:\n {2}- \S+\/weights\/b \(.+, created just now\)\n\nTotal size: .+\n$/,
    );
    expect(await names()).toHaveLength(4);
    expect(await prune()).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await prune('--yes')).toEqual({ stdout: 'Deleted 1 checkpoint\n', stderr: '', exitCode: 0 });
    expect(await names()).toEqual(['weights/a', 'weights/c', 'weights/d']);
    expect((await prune('--yes')).stdout).toMatch(/^Nothing to prune/);
  });

  it('keeps every so many steps by the number in the name, however often it is done', async () => {
    const run = await seedRun(bench, ['step-1', 'step-10', 'best', 'step-15', 'step-20', 'step-21']);
    const prune = async (...options: string[]): Promise<string[]> => {
      const args = ['checkpoint', 'prune', '--run-id', run.runId, '--keep-every', '10', ...options];
      const { would_delete = [] } = (await bench.json(...args)) as {
        would_delete?: { tinker_path: string }[];
      };
      return would_delete.map(({ tinker_path }) => path.basename(tinker_path));
    };
    expect(await prune('--dry-run')).toEqual(['step-21', 'step-15', 'best', 'step-1']);
    expect(await prune('--keep-last', '1', '--dry-run')).toEqual(['step-15', 'best', 'step-1']);
    await prune('--keep-last', '1', '--yes');
    expect(await prune('--keep-last', '1', '--dry-run')).toEqual([]);
    const nothing = await bench.run('checkpoint', 'prune', '--run-id', run.runId, '--yes');
    expect(nothing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--keep-last') });
  });
});
