import { execFile } from 'node:child_process';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const examples = [
  'quick-start',
  'pipelined-training',
  'custom-loss',
  'checkpoint-download',
  'sampling-under-load',
  'sampler-handle',
  'cancelling',
  'watching-events',
  'main-job',
  'server-fixture',
];

/** The environment without what would send an example to another server. */
function localEnvironment(): NodeJS.ProcessEnv {
  const { TINKER_API_KEY: _key, TINKER_BASE_URL: _url, ...rest } = process.env;
  return rest;
}

describe('examples', () => {
  it.each(examples)(
    '%s runs on the local server and finds its claims true',
    async (name) => {
      await using folder = await mkdtempDisposable(path.join(tmpdir(), 'tinker-example-'));
      const script = fileURLToPath(new URL(`../../examples/${name}/main.ts`, import.meta.url));
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], {
        cwd: folder.path,
        env: localEnvironment(),
      });
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^ok: /m);
    },
    120_000,
  );
});
