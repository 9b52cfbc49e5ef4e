import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RestClient } from '../../src/index.ts';
import { parseError, seedRun, startCliBench, type CliBench } from '../helpers/cli.ts';

let bench: CliBench;
let rest: RestClient;
let paths: string[];

beforeAll(async () => {
  bench = await startCliBench();
  rest = await (await bench.connect()).createRestClient();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(async () => {
  paths = Object.values((await seedRun(bench, ['one', 'two'])).paths);
});

async function existing(): Promise<string[]> {
  const { items } = await rest.listUserCheckpoints();
  return items.map(({ tinker_path }) => tinker_path);
}

describe('checkpoint delete (CMD-9)', () => {
  it('deletes what it is given, with --yes', async () => {
    expect(await bench.run('checkpoint', 'delete', '--yes', ...paths)).toEqual({
      stdout: 'Deleted 2 checkpoints\n',
      stderr: '',
      exitCode: 0,
    });
    expect(await existing()).not.toContain(paths[0]);
  });

  it('counts in JSON, and a path that is given twice once', async () => {
    expect(await bench.json('checkpoint', 'delete', '-y', ...paths, ...paths)).toEqual({
      deleted_count: 2,
      failed: [],
    });
  });

  it('refuses without a terminal and without --yes, and says what to type', async () => {
    const { exitCode, stdout, stderr } = await bench.run('checkpoint', 'delete', ...paths);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`tinker-ts checkpoint delete --yes ${paths.join(' ')}`);
    expect(await existing()).toEqual(expect.arrayContaining(paths));
  });

  it('deletes nothing when one path is malformed', async () => {
    const { exitCode } = await bench.run('checkpoint', 'delete', '--yes', ...paths, 'tinker://oops');
    expect(exitCode).toBe(2);
    expect(await existing()).toEqual(expect.arrayContaining(paths));
  });

  it('tells which of several failed, deletes the others, and ends with 1', async () => {
    const missing = `${paths[0]}-gone`;
    const forPeople = await bench.run('checkpoint', 'delete', '--yes', paths[0] ?? '', missing);
    expect(forPeople).toMatchObject({ exitCode: 1, stdout: 'Deleted 1 checkpoint\n' });
    expect(forPeople.stderr).toMatch(
      /^Failed to delete 1 checkpoint:\n {2}- tinker:.+-gone: Unknown checkpoint .+\n$/,
    );

    const forPrograms = await bench.run(
      'checkpoint',
      'delete',
      '--yes',
      '-f',
      'json',
      paths[1] ?? '',
      missing,
    );
    expect(forPrograms).toMatchObject({ exitCode: 1, stderr: '' });
    expect(JSON.parse(forPrograms.stdout)).toEqual({
      deleted_count: 1,
      failed: [{ tinker_path: missing, error: expect.stringContaining('Unknown checkpoint') }],
    });
  });

  it('ends with 0 with --exit-zero, as the official program does', async () => {
    const missing = `${paths[0]}-gone`;
    const args = ['checkpoint', 'delete', '--yes', '--exit-zero'];
    const forPeople = await bench.run(...args, paths[0] ?? '', missing);
    expect(forPeople).toMatchObject({ exitCode: 0, stdout: 'Deleted 1 checkpoint\n' });
    expect(forPeople.stderr).toContain('Failed to delete 1 checkpoint:');
    expect(await bench.json(...args, missing)).toMatchObject({
      deleted_count: 0,
      failed: [{ tinker_path: missing }],
    });
  });

  it('a single path that does not exist is not found', async () => {
    const { exitCode, stdout, stderr } = await bench.run(
      'checkpoint',
      'delete',
      '-y',
      '-f',
      'json',
      `${paths[0]}-gone`,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' });
    expect(parseError(stderr).code).toBe('not_found');
  });
});
