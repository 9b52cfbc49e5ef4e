import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageVersion } from '../../src/core/version.ts';
import { startProgram } from '../helpers/cli.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
/** The pinned runtime comes first, also for what npm starts. */
const env = {
  ...process.env,
  PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`,
};

let folder: string;
/** Where the package is installed. */
let home: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tinker-package-'));
  home = path.join(folder, 'home');
  await mkdir(home);
  await writeFile(path.join(home, 'package.json'), '{ "private": true }');
  await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root, env });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...flags, path.join(folder, tarball)], { cwd: home, env });
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the packed tarball, installed in an empty folder', () => {
  it('has the program, which knows its version', async () => {
    const bin = path.join(home, 'node_modules', '.bin', 'tinker-ts');
    expect((await run(bin, ['version'], { cwd: home, env })).stdout).toBe(`tinker-ts ${packageVersion}\n`);
    expect((await run(bin, ['--help'], { cwd: home, env })).stdout).toContain('Usage: tinker-ts ');
  });

  it('serves and lists, with the base models that came along', async () => {
    const main = path.join(home, 'node_modules', 'tinker-ts', 'dist', 'cli', 'main.cjs');
    const server = startProgram(main, ['serve', '--port', '0'], { cwd: home });
    try {
      const url = await server.shows('stdout', /ready at (\S+) .*\n/);
      const list = await startProgram(main, ['run', 'list', '-f', 'json'], {
        cwd: home,
        env: { TINKER_BASE_URL: url, TINKER_API_KEY: 'any' },
      }).ended;
      expect(list).toEqual({ exitCode: 0, stderr: '', stdout: '{\n  "runs": []\n}\n' });
      const reply = await fetch(`${url}/api/v1/get_server_capabilities`);
      const { supported_models } = (await reply.json()) as { supported_models: { model_name: string }[] };
      expect(supported_models.map(({ model_name }) => model_name)).toEqual(
        expect.arrayContaining(['local/random', 'local/stories-1m']),
      );
    } finally {
      server.child.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ exitCode: 0 });
    }
  });

  it('can be imported and required, its server apart from its client', async () => {
    const script = `
      const { ServiceClient } = await import('tinker-ts');
      const { createLocalServer } = await import('tinker-ts/server');
      const required = (await import('node:module')).createRequire(import.meta.url)('tinker-ts');
      console.log(typeof ServiceClient.connect, typeof createLocalServer, required.ServiceClient === ServiceClient);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: home,
      env,
    });
    expect(stdout).toBe('function function true\n');
  });
});
