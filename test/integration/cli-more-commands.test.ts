import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceClient } from '../../src/index.ts';
import { runCli, seedRun, startCli, startCliBench, type CliBench, type SeededRun } from '../helpers/cli.ts';

let bench: CliBench;
let run: SeededRun;
let service: ServiceClient;

beforeAll(async () => {
  bench = await startCliBench();
  run = await seedRun(bench, ['step-1', 'step-2', 'final'], { team: 'evals' });
  service = await bench.connect();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('sampler info', () => {
  it('shows base model and checkpoint', async () => {
    const sampler = await service.createSamplingClient({ base_model: 'local/random' });
    expect(await bench.json('sampler', 'info', sampler.samplerId)).toEqual({
      sampler_id: sampler.samplerId,
      base_model: 'local/random',
      model_path: null,
    });
    const { stdout } = await bench.run('sampler', 'info', sampler.samplerId);
    expect(stdout).toContain(`Sampler: ${sampler.samplerId}`);
    expect(stdout).toMatch(/│ Base Model │ local\/random +│/);
  });

  it('is not found where there is none', async () => {
    expect(await bench.run('sampler', 'info', 'nobody:sample:0')).toMatchObject({ exitCode: 4, stdout: '' });
  });
});

describe('checkpoint copy', () => {
  const source = (): string => run.paths['final'] ?? '';

  it('prints the path of the copy alone', async () => {
    const { stdout, stderr, exitCode } = await bench.run(
      'checkpoint',
      'copy',
      source(),
      '--project-id',
      'evals',
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/^tinker:\/\/\S+\/weights\/\S+\n$/);
    expect(stdout.trim()).not.toBe(source());
    expect((await bench.run('checkpoint', 'info', stdout.trim())).exitCode).toBe(0);
  });

  it('names both in JSON, and takes an expiry and a credential from a file', async () => {
    const file = path.join(bench.folder, 'token');
    await writeFile(file, 'tml-other\n');
    const args = ['--project-id', 'evals', '--ttl', '7200', '--token-file', file];
    const copied = (await bench.json('checkpoint', 'copy', source(), ...args)) as { tinker_path: string };
    expect(copied).toMatchObject({ source_path: source() });
    expect(await bench.json('checkpoint', 'info', copied.tinker_path)).toMatchObject({
      expires_at: expect.any(String),
    });
  });

  it('needs a project, and a file that holds something', async () => {
    const before = bench.server.requests.length;
    const lost = await bench.run('checkpoint', 'copy', source());
    expect(lost).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('TINKER_PROJECT_ID') });
    const file = path.join(bench.folder, 'empty');
    await writeFile(file, '\n');
    const empty = await bench.run(
      'checkpoint',
      'copy',
      source(),
      '--project-id',
      'evals',
      '--token-file',
      file,
    );
    expect(empty.exitCode).toBe(2);
    expect(bench.server.requests).toHaveLength(before);
  });
});

describe('checkpoint search', () => {
  const found = async (...args: string[]): Promise<string[]> => {
    const { checkpoints } = (await bench.json('checkpoint', 'search', ...args)) as {
      checkpoints: { tinker_path: string }[];
    };
    return checkpoints
      .map(({ tinker_path }) => tinker_path)
      .filter((found) => found.startsWith(`tinker://${run.runId}/`));
  };

  it('finds by name, kind, model and date, newest first', async () => {
    expect(await found('--name', 'STEP')).toEqual([run.paths['step-2'], run.paths['step-1']]);
    expect(await found('--name', 'step', '--limit', '1')).toEqual([run.paths['step-2']]);
    expect(await found('--type', 'sampler_weights')).toEqual([]);
    expect(await found('--base-model', 'local/random', '--base-model', 'other')).toHaveLength(3);
    expect(await found('--base-model', 'other')).toEqual([]);
    expect(await found('--before', '2020-01-01')).toEqual([]);
    expect(await found('--metadata', 'team=nobody')).toEqual([]);
  });

  it('is a list like the others', async () => {
    const { stdout } = await bench.run('checkpoint', 'search', '--name', 'step', '-f', 'csv');
    expect(stdout.split('\r\n')).toHaveLength(4);
    const none = await bench.run('checkpoint', 'search', '--name', 'nothing');
    expect(none.stdout).toContain('No checkpoints found');
    const wrong = await bench.run('checkpoint', 'search', '--metadata', 'team');
    expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
  });
});

describe('logprobs', () => {
  const args = ['logprobs', 'Once upon a time', '--model', 'local/stories-1m'];

  it('scores every token but the first', async () => {
    const scored = (await bench.json(...args)) as {
      mean_logprob: number;
      perplexity: number;
      tokens: { text: string; logprob: number | null }[];
    };
    expect(scored).toMatchObject({ model: 'local/stories-1m', prompt: 'Once upon a time' });
    expect(scored.tokens.map(({ text }) => text).join('')).toBe('Once upon a time');
    const [first, ...others] = scored.tokens.map(({ logprob }) => logprob);
    expect(first).toBeNull();
    const known = others.map(Number);
    expect(Math.max(...known)).toBeLessThan(0);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    expect(scored.mean_logprob).toBeCloseTo(mean, 6);
    expect(scored.perplexity).toBeCloseTo(Math.exp(-mean), 4);
  });

  it('is a table of tokens, or CSV; the text may come on standard input', async () => {
    const { stdout } = await bench.run(...args);
    expect(stdout).toMatch(/^ *\d+ tokens, mean log-probability -\d+\.\d{4},\s+perplexity \d+\.\d\d\n/);
    const env = { TINKER_BASE_URL: bench.server.url, TINKER_API_KEY: 'tml-test' };
    const piped = startCli(['logprobs', '-m', 'local/stories-1m', '-f', 'csv'], {
      cwd: bench.folder,
      env,
      input: 'Once upon a time',
    });
    const lines = (await piped.ended).stdout.trimEnd().split('\r\n');
    expect(lines[0]).toBe('position,token,text,logprob');
    expect(lines[1]).toMatch(/^0,\d+,[^,]+,$/);
  });

  it('needs a text', async () => {
    expect(await bench.run('logprobs', '-m', 'local/random')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('tinker-ts logprobs'),
    });
  });
});

describe('run watch', () => {
  it('tells of new checkpoints, and ends well by Ctrl-C', async () => {
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 1 });
    const runId = training.info.model_id;
    const program = bench.start('run', 'watch', runId, '--interval', '1');
    await program.shows(
      'stdout',
      /^\d\d:\d\d:\d\d {2}Watching .+: local\/random, LoRA Yes \(Rank 1\), 0 checkpoints, .+\n/,
    );
    const { path: saved } = await training.saveState({ name: 'one' });
    await program.shows('stdout', /\n\d\d:\d\d:\d\d {2}New checkpoint \(training, .+\): .+\/weights\/one\n/);
    program.child.kill('SIGINT');
    expect(await program.ended).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: expect.stringContaining(saved),
    });
  });

  it('ends once the run is idle, and has one object a line in JSON', async () => {
    const args = ['run', 'watch', run.runId, '--until-idle', '1', '--interval', '1', '--json'];
    const { stdout, exitCode } = await bench.run(...args);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toMatchObject([
      { event: 'watching', run: { training_run_id: run.runId }, checkpoints: [{}, {}, {}] },
      { event: 'idle', run: { training_run_id: run.runId } },
    ]);
    expect(exitCode).toBe(0);
  });

  it('is not found where there is no such run', async () => {
    expect(await bench.run('run', 'watch', 'nobody')).toMatchObject({ exitCode: 4, stdout: '' });
  });
});

describe('billing summary', () => {
  // A day may end while this runs, and three weeks are more than the API gives at once.
  const day = Date.parse(new Date().toISOString().slice(0, 10));
  const span = [day - 19 * 86_400_000, day + 2 * 86_400_000].map((time) => new Date(time).toISOString());

  beforeAll(async () => {
    const sampler = await service.createSamplingClient({ base_model: 'local/random' });
    await sampler.sample({
      prompt: { chunks: [{ type: 'encoded_text', tokens: [1, 2, 3] }] },
      // Not even the end of the sequence ends it: so many tokens are billed, and no fewer.
      sampling_params: { max_tokens: 4, stop: [] },
    });
    await sampler.close();
  });

  it('adds tokens up by model, and prices them by a file', async () => {
    const file = path.join(bench.folder, 'prices.json');
    await writeFile(
      file,
      JSON.stringify({
        models: { 'local/random': { sampling_sample: 250_000 }, '*': { sampling_prefill: 1 } },
      }),
    );
    const summary = (await bench.json('billing', 'summary', ...span, '--prices', file)) as {
      data: Record<string, unknown>[];
      total: Record<string, number>;
    };
    expect(summary).toMatchObject({ group_by: ['base_model'] });
    const row = summary.data.find(({ base_model }) => base_model === 'local/random');
    expect(row).toMatchObject({ sampled_tokens: 4 });
    expect(Number(row?.['cost_usd'])).toBeCloseTo(1, 3);
    const costs = summary.data.map(({ cost_usd }) => Number(cost_usd));
    expect(summary.total['cost_usd']).toBeCloseTo(
      costs.reduce((sum, cost) => sum + cost, 0),
      9,
    );
  });

  it('groups by several keys, also as CSV', async () => {
    const { stdout } = await bench.run('billing', 'summary', ...span, '--by', 'user, project', '-f', 'csv');
    expect(stdout.split('\r\n')[0]).toBe(
      'user,project_id,training_tokens,prefill_tokens,cached_prefill_tokens,sampled_tokens,gigabyte_hours,cost_usd,unpriced_rows',
    );
  });

  it('refuses a key that it does not know', async () => {
    const { exitCode, stderr } = await bench.run('billing', 'summary', ...span, '--by', 'team');
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining("'team'") });
  });
});

describe('config', () => {
  it('shows settings and where they come from, without a secret and without asking a server', async () => {
    const env = {
      TINKER_API_KEY: 'tml-secret',
      TINKER_BASE_URL: 'http://ann:password@127.0.0.1:9/x',
      TINKER_TAGS: 'a,b',
      HF_TOKEN: 'hf_secret',
      https_proxy: 'http://ann:password@proxy:3128',
    };
    const { stdout, exitCode } = await runCli(['config', '--json'], { cwd: bench.folder, env });
    expect(exitCode).toBe(0);
    expect(stdout).not.toMatch(/tml-secret|hf_secret|password/);
    const { settings } = JSON.parse(stdout) as {
      settings: { name: string; value: string; source: string }[];
    };
    const byName = Object.fromEntries(settings.map(({ name, value, source }) => [name, [value, source]]));
    expect(byName).toMatchObject({
      base_url: ['http://127.0.0.1:9/x', 'TINKER_BASE_URL'],
      api_key: ['********', 'TINKER_API_KEY'],
      tags: ['a,b', 'TINKER_TAGS'],
      telemetry: ['on', 'default'],
      hub_token: ['********', 'HF_TOKEN'],
      proxy_https: ['http://proxy:3128/', 'https_proxy'],
      project_id: [null, 'default'],
      format: ['json', '--format'],
    });
  });

  it('names the file of a stored key, and says what is not set', async () => {
    const options = { cwd: bench.folder, env: { TINKER_BASE_URL: bench.server.url } };
    expect((await runCli(['config'], options)).stdout).toMatch(/│ api_key +│ not set +│ default +│/);
    await startCli(['auth', 'login'], { ...options, input: 'tml-stored\n' }).ended;
    const { stdout } = await runCli(['config'], options);
    expect(stdout).toMatch(/│ api_key +│ \*{8} +│ \S+credentials\.json +│/);
    expect(stdout).not.toContain('tml-stored');
  });
});
