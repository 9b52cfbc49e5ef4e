import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGood, Trial } from './trial.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.open();
});
afterAll(() => trial[Symbol.asyncDispose]());

describe('hostile downloads', () => {
  it('are refused when they are archives, sound ones are unpacked, and nothing around the folder is touched', async () => {
    const findings = await trial.archives();
    expect(findings.length).toBeGreaterThan(300);
    expect(findings.filter((finding) => !isGood(finding))).toEqual([]);
  });

  it('are refused when they are exports with such names or addresses, and nothing around the folder is touched', async () => {
    const findings = await trial.exports();
    expect(findings.length).toBeGreaterThan(25);
    expect(findings.filter((finding) => !isGood(finding))).toEqual([]);
  });
});
