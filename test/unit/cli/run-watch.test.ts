import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { toEvents } from '../../../src/cli/commands/run-watch.ts';
import { checkpointSchema } from '../../../src/types/checkpoints.ts';
import { trainingRunSchema } from '../../../src/types/runs.ts';
import { startCli } from '../../helpers/cli.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

const run = trainingRunSchema.parse({
  training_run_id: 'r:train:0',
  base_model: 'm',
  model_owner: 'ann',
  is_lora: true,
  last_request_time: '2026-07-01T00:00:00Z',
});

function checkpoint(name: string, time: string) {
  const names = { checkpoint_id: `weights/${name}`, tinker_path: `tinker://r:train:0/weights/${name}` };
  return checkpointSchema.parse({ ...names, checkpoint_type: 'training', time });
}

const first = checkpoint('1', '2026-07-01T00:00:01Z');
const second = checkpoint('2', '2026-07-01T00:00:02Z');

describe('what is new about a run', () => {
  it('is all of it at the first look', () => {
    const look = { run, checkpoints: [second, first] };
    expect(toEvents(undefined, look)).toEqual([{ event: 'watching', ...look }]);
  });

  it('is every checkpoint that was not there before, oldest first', () => {
    expect(toEvents({ run, checkpoints: [] }, { run, checkpoints: [second, first] })).toEqual([
      { event: 'checkpoint', checkpoint: first },
      { event: 'checkpoint', checkpoint: second },
    ]);
    expect(toEvents({ run, checkpoints: [first] }, { run, checkpoints: [first] })).toEqual([]);
  });

  it('is a checkpoint that was saved again under its name', () => {
    const again = checkpoint('1', '2026-07-01T00:00:03Z');
    expect(toEvents({ run, checkpoints: [first] }, { run, checkpoints: [again] })).toEqual([
      { event: 'checkpoint', checkpoint: again },
    ]);
  });

  it('is its failure', () => {
    const failed = { ...run, corrupted: true };
    expect(toEvents({ run, checkpoints: [] }, { run: failed, checkpoints: [] })).toEqual([
      { event: 'failed', run: failed },
    ]);
    expect(toEvents(undefined, { run: failed, checkpoints: [] }).map(({ event }) => event)).toEqual([
      'watching',
      'failed',
    ]);
  });
});

describe('run watch of a run that has failed', () => {
  it.each(['json', 'jsonl'])('ends with 1, and prints events and nothing else as %s', async (format) => {
    await using server = await startScriptedServer({
      '/training_runs/r:train:0': { ...run, corrupted: true },
      '/training_runs/r:train:0/checkpoints': { checkpoints: [] },
    });
    const env = { TINKER_BASE_URL: server.url, TINKER_API_KEY: 'tml-watch', TINKER_TELEMETRY: '0' };
    const { ended } = startCli(['run', 'watch', 'r:train:0', '--format', format], { cwd: tmpdir(), env });
    const { stdout, exitCode } = await ended;
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { event?: string }).event)).toEqual([
      'watching',
      'failed',
    ]);
    expect(exitCode).toBe(1);
  });
});
