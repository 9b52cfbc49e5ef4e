import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readCounterparts } from '../../../scripts/compatibility/counterparts.ts';
import { readResults } from '../../../scripts/compatibility/results.ts';
import {
  AdminClient,
  RestClient,
  SamplingClient,
  ServiceClient,
  TrainingClient,
} from '../../../src/index.ts';

const classes: Readonly<Record<string, { prototype: object }>> = {
  ServiceClient,
  TrainingClient,
  SamplingClient,
  RestClient,
  AdminClient,
};
/** Fields, which a prototype does not have. */
const fields = new Set(['TrainingClient.info']);

describe('docs/from-python.md', () => {
  it('has a row for every public method of the official SDK that was tried, and no other', async () => {
    const official = await readResults('official-sdk');
    const methods = official
      .flatMap(({ results }) => results)
      .filter(({ group }) => group in classes)
      .map(({ group, name }) => `${group}.${name.replace(/_async$/, '')}`);
    const rows = (await readCounterparts()).map(({ group, name }) => `${group}.${name}`);
    expect(rows.length).toBeGreaterThan(60);
    expect(rows.toSorted()).toEqual([...new Set(methods)].toSorted());
  });

  it('names only what our classes have, and says so where there is nothing', async () => {
    for (const { name, ours, members } of await readCounterparts()) {
      expect(members.length > 0 || /^none\b/.test(ours), name).toBe(true);
      for (const member of members) {
        const called = `${member.group}.${member.name}`;
        const exists = member.name in (classes[member.group]?.prototype ?? {}) || fields.has(called);
        expect(exists, called).toBe(true);
      }
    }
  });
});

describe('docs/compatibility.md', () => {
  it('is what the script makes of the results', async () => {
    const script = fileURLToPath(new URL('../../../scripts/compatibility/main.ts', import.meta.url));
    await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toMatchObject({
      stderr: '',
    });
  });
});
