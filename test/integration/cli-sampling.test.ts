import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCli, startCliBench, type CliBench } from '../helpers/cli.ts';

let bench: CliBench;

beforeAll(async () => {
  bench = await startCliBench();
});
afterAll(() => bench[Symbol.asyncDispose]());

const model = ['--model', 'local/stories-1m', '--seed', '3', '--max-tokens', '8'];
const withInput = (input: string, ...args: string[]) =>
  startCli(args, {
    cwd: bench.folder,
    env: { TINKER_BASE_URL: bench.server.url, TINKER_API_KEY: 'tml-test' },
    input,
  }).ended;

describe('sample', () => {
  it('completes the same text from argument, file and standard input in the same way', async () => {
    const { stdout, stderr, exitCode } = await bench.run('sample', 'Once upon a time', ...model);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.trim()).not.toBe('');
    await writeFile(path.join(bench.folder, 'prompt.txt'), 'Once upon a time');
    expect((await bench.run('sample', '--file', 'prompt.txt', ...model)).stdout).toBe(stdout);
    expect((await withInput('Once upon a time', 'sample', ...model)).stdout).toBe(stdout);
  });

  it('gives each completion in JSON, with how it ended', async () => {
    expect(await bench.json('sample', 'The cat', '-n', '2', ...model)).toMatchObject({
      model: 'local/stories-1m',
      prompt: 'The cat',
      completions: [
        { text: expect.any(String), stop_reason: expect.any(String) },
        { token_count: expect.any(Number) },
      ],
    });
  });

  it.each([
    [['sample', '', ...model], 'There is no prompt.'],
    [
      ['sample', 'text', '--file', 'prompt.txt', ...model],
      'Give the prompt as an argument or by --file, not both.',
    ],
    [['sample', 'text'], "required option '-m, --model <model>' not specified"],
  ])('%j is refused', async (args, message) => {
    const { exitCode, stderr } = await bench.run(...args);
    expect({ exitCode, line: stderr.split('\n')[0] }).toEqual({ exitCode: 2, line: `Error: ${message}` });
  });
});

describe('chat', () => {
  it('answers line by line until the input ends', async () => {
    const { stdout, stderr, exitCode } = await withInput(
      'Where is the cat?\nWhy?\n',
      'chat',
      '-f',
      'json',
      ...model,
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(answers).toEqual([
      { role: 'assistant', content: expect.any(String) },
      { role: 'assistant', content: expect.any(String) },
    ]);
  });
});

describe('--local', () => {
  it('starts a server for the command', async () => {
    const { stdout } = await bench.run('model', 'list', '--local', '--local-data-dir', 'own-data');
    expect(stdout).toContain('local/random');
  });
});

describe('completion', () => {
  it('makes a script for bash that knows commands, subcommands and options', async () => {
    const { stdout } = await bench.run('completion', 'bash');
    const complete = async (...words: string[]): Promise<string[]> => {
      const line = `COMP_WORDS=(tinker-ts ${words.join(' ')}); COMP_CWORD=${words.length}`;
      const script = `${stdout}\n${line}\n_tinker_ts\necho "\${COMPREPLY[@]}"`;
      const done = await promisify(execFile)('bash', ['-c', script], { cwd: bench.folder });
      return done.stdout.trim().split(' ');
    };
    expect(await complete('che')).toEqual(['checkpoint']);
    expect(await complete('checkpoint', 'd')).toEqual(['download', 'delete']);
    expect(await complete('checkpoint', 'delete', '--run')).toEqual(['--run-id']);
    expect(await complete('checkpoint', 'delete', '--lo')).toEqual(['--local', '--local-data-dir']);
    expect(await complete('--format', 'json', 'run', 'li')).toEqual(['list']);
    expect(await complete('run', 'list', '-f', 'j')).toEqual(['json', 'jsonl']);
    expect(await complete('audit', '--type', 'p')).toEqual(['projects']);
    expect(await complete('completion', '""')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(await complete('checkpoint', 'info', 'tinker', ':', '//run', '--verb')).toEqual(['--verbose']);
  });

  it.each(['zsh', 'fish'])('makes one for %s', async (shell) => {
    const { stdout, exitCode } = await bench.run('completion', shell);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('export-trace');
    expect(stdout).toMatch(/organizations/);
    // In zsh that is the search path of programs.
    expect(stdout).not.toMatch(/local.* path\b/);
  });
});
