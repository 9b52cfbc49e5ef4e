import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseError, seedRun, startCliBench, type CliBench, type RunningCli } from '../helpers/cli.ts';

let bench: CliBench;
/** Newest first. */
let runIds: string[];

/** More than two pages (100 each). A server has no room for so many at once, so each session is left for the next. */
const runCount = 230;
const sessionRunCount = 60;

beforeAll(async () => {
  bench = await startCliBench();
  await seedRun(bench, ['first']);
  for (let made = 1; made < runCount;) {
    const session = await bench.connect();
    const end = Math.min(made + sessionRunCount, runCount);
    for (; made < end; made++)
      await session.createLoraTrainingClient({ base_model: 'local/random', rank: 1 });
    await session.close();
  }
  const service = await bench.connect();
  const rest = await service.createRestClient();
  runIds = (await Array.fromAsync(rest.listTrainingRuns({ limit: 100 }))).map((run) => run.training_run_id);
}, 60_000);
afterAll(() => bench[Symbol.asyncDispose]());

const route = '/api/v1/training_runs';

/** The program with `args`, and its lines so far once it has printed so many; the pages after the first come late. */
async function startAndRead(count: number, ...args: string[]): Promise<[RunningCli, string[]]> {
  bench.server.faults.add({ route, nth: 2, count: Infinity, effect: { kind: 'delay', delayMs: 500 } });
  const program = bench.start('run', 'list', ...args);
  const shown = await program.shows('stdout', new RegExp(`^(?:[^\\n]*\\n){${count}}`));
  return [program, shown.split('\n')];
}

function pagesAskedSince(before: number): number {
  return bench.server.requests.slice(before).filter((request) => request.route === route).length;
}

describe('lists of several pages (CLI-11)', () => {
  afterEach(() => bench.server.faults.clear());

  it('in JSON Lines have one object a line, each an item of the JSON document', async () => {
    const { stdout, stderr, exitCode } = await bench.run('run', 'list', '--limit', '0', '-f', 'jsonl');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const lines = stdout.trimEnd().split('\n');
    const { runs } = (await bench.json('run', 'list', '--limit', '0')) as { runs: unknown[] };
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(runs);
    expect(runs).toHaveLength(runCount);
  });

  it('in CSV have one header, exact values, and quotes where they are needed', async () => {
    const { stdout, stderr } = await bench.run('run', 'list', '--limit', '0', '-f', 'csv');
    expect(stderr).toBe('Fetching all training runs\n');
    const [header, ...rows] = stdout.trimEnd().split('\r\n');
    expect(header).toBe(
      'training_run_id,base_model,model_owner,lora_rank,last_request_time,corrupted,last_checkpoint,last_checkpoint_time',
    );
    expect(rows.map((row) => row.split(',')[0])).toEqual(runIds);
    expect(rows.at(-1)).toMatch(
      new RegExp(`,4,\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z,False,tinker://${runIds.at(-1)}/weights/first,\\d{4}-`),
    );
  });

  it.each([
    ['jsonl', 100],
    ['csv', 101],
    ['table', 104],
  ])('as %s print each page as it comes', async (format, lineCount) => {
    const before = bench.server.requests.length;
    const [program, lines] = await startAndRead(lineCount, '--limit', '0', '-f', format);
    expect(lines.filter((line) => line.includes(runIds[99] ?? ''))).toHaveLength(1);
    expect(pagesAskedSince(before)).toBeLessThanOrEqual(2);
    expect((await program.ended).stdout).toContain(runIds.at(-1));
  });

  it('draw one table, whose title says how many there are in all', async () => {
    const { stdout } = await bench.run('run', 'list', '--limit', '205');
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]?.trim()).toBe('205 training runs (25 more not shown, use --limit to see more)');
    expect(lines.filter((line) => line.startsWith('│'))).toHaveLength(205);
    expect(lines.filter((line) => /^[┏┡└]/.test(line))).toHaveLength(3);
    expect(new Set(lines.slice(1).map((line) => line.length)).size).toBe(1);
  });

  it('draw a table of which the server does not say how long it is', async () => {
    const { stdout } = await bench.run('session', 'list', '--limit', '0');
    const [title = '', , , , ...rows] = stdout.trimEnd().split('\n');
    expect(title.trim()).toBe('5 sessions');
    expect(rows).toHaveLength(6);
  });

  it.each(['jsonl', 'csv', 'table'])(
    'as %s end quietly, without the pages that are left, when the reader has enough',
    async (format) => {
      const before = bench.server.requests.length;
      const [{ child, ended }] = await startAndRead(3, '--limit', '0', '-f', format);
      child.stdout?.destroy();
      const { stderr, exitCode } = await ended;
      expect(exitCode).toBe(0);
      expect(stderr.replace('Fetching all training runs\n', '')).toBe('');
      expect(pagesAskedSince(before)).toBe(2);
    },
  );

  it('print nothing as a JSON document, which is whole or not there, when a page fails', async () => {
    bench.server.faults.add({
      route,
      nth: 2,
      effect: { kind: 'reply', status: 403, body: { detail: 'no' } },
    });
    const { stdout, exitCode } = await bench.run('run', 'list', '--limit', '0', '-f', 'json');
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
  });

  it('keep the pages that came as lines when a later one fails', async () => {
    bench.server.faults.add({
      route,
      nth: 2,
      effect: { kind: 'reply', status: 403, body: { detail: 'no' } },
    });
    const { stdout, stderr, exitCode } = await bench.run('run', 'list', '--limit', '0', '-f', 'jsonl');
    expect(stdout.trimEnd().split('\n')).toHaveLength(100);
    expect(exitCode).toBe(3);
    expect(parseError(stderr)).toMatchObject({ code: 'permission_denied' });
  });
});

describe('every list in the formats for programs', () => {
  const hours = ['2020-01-01T00:00:00Z', '2020-01-01T01:00:00Z'];
  it.each([
    [
      ['checkpoint', 'list'],
      'checkpoint_id,checkpoint_type,size_bytes,public,time,expires_at,tinker_path',
      1,
    ],
    [['session', 'list'], 'session_id', 5],
    [
      ['session', 'search'],
      'session_id,display_name,created_at,status,checkpoints_count,checkpoint_storage_bytes,project_id',
      5,
    ],
    [['model', 'list', 'random'], 'model_name,max_context_length,trainable,sampleable', 1],
    [['audit', '--type', 'checkpoints'], 'timestamp,event,event_details', 1],
    [['billing', 'checkpoint-storage'], /^effective_rate_usd_per_gigabyte_month,project_id,/, 1],
    [['billing', 'usage', ...hours], '', 0],
  ])('%j', async (args, header, count) => {
    const csv = (await bench.run(...args, '--format', 'csv')).stdout.split('\r\n');
    expect(csv[0]).toEqual(typeof header === 'string' ? header : expect.stringMatching(header));
    expect(csv.slice(1).filter((row) => row !== '')).toHaveLength(count);
    const lines = (await bench.run(...args, '--format', 'jsonl')).stdout.split('\n').slice(0, -1);
    expect(lines.map((line) => typeof JSON.parse(line))).toEqual(Array(count).fill('object'));
  });

  it('run list has the columns that --columns names', async () => {
    const { stdout } = await bench.run('run', 'list', '--limit', '1', '-c', 'lora,id', '-f', 'csv');
    expect(stdout).toBe(`lora_rank,training_run_id\r\n1,${runIds[0]}\r\n`);
  });
});

describe('what is no list', () => {
  it('is refused as CSV before anything is done', async () => {
    const path = `tinker://${runIds.at(-1)}/weights/first`;
    const before = bench.server.requests.length;
    const { exitCode, stderr } = await bench.run('checkpoint', 'delete', '--yes', path, '-f', 'csv');
    expect(exitCode).toBe(2);
    expect(stderr).toBe('Error: --format csv is for lists.\nChoose table, json or jsonl.\n');
    expect(bench.server.requests).toHaveLength(before);
  });

  it('is one line as JSON Lines, its error too', async () => {
    const { stdout } = await bench.run('run', 'info', runIds[0] ?? '', '-f', 'jsonl');
    expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
    expect(JSON.parse(stdout)).toMatchObject({ training_run_id: runIds[0] });
    const { stderr } = await bench.run('run', 'info', 'nobody', '-f', 'jsonl');
    expect(stderr.indexOf('\n')).toBe(stderr.length - 1);
    expect(parseError(stderr)).toMatchObject({ code: 'not_found' });
  });

  it('is JSON by --json as by --format json', async () => {
    const { stdout } = await bench.run('version', '--json');
    expect(stdout).toBe((await bench.run('--format', 'json', 'version')).stdout);
    expect(JSON.parse(stdout)).toHaveProperty('version');
  });
});
