import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

describe('charts in docs/machines', () => {
  it('show the machines as they are', async () => {
    // In a process of its own: the guards are printed from their source, which the test runner rewrites.
    const script = fileURLToPath(new URL('scripts/charts/main.ts', root));
    await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toMatchObject({
      stderr: '',
    });
  });

  it('has a chart for every machine of src/machines, and no other', async () => {
    const sources = await readdir(new URL('src/machines/', root));
    const expected = sources
      .filter((file) => file.endsWith('.machine.ts'))
      .map((file) => file.replace('.machine.ts', '.md'));
    expect((await readdir(new URL('docs/machines/', root))).toSorted()).toEqual(expected.toSorted());
  });
});
