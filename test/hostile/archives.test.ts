import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGood, Trial } from './trial.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.open();
});
afterAll(() => trial[Symbol.asyncDispose]());

describe('hostile archives', () => {
  it('are refused by name or damage, sound ones are unpacked, and nothing around the folder is touched', async () => {
    const findings = await trial.archives();
    expect(findings.length).toBeGreaterThan(200);
    expect(findings.filter((finding) => !isGood(finding))).toEqual([]);
  });
});
