import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { SpaceLedger } from '../../../src/client/downloads/free-space.ts';

const folder = tmpdir();

async function partOfFree(part: number): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor(bavail * bsize * part);
}

describe('SpaceLedger', () => {
  test('refuses what does not fit beside what others still need, and says how much each is', async () => {
    const ledger = new SpaceLedger();
    const bytes = await partOfFree(0.6);
    await ledger.claim({}, folder, () => bytes);
    await expect(ledger.claim({}, folder, () => bytes)).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining(`other downloads under way still need ${bytes} bytes`),
      details: { neededBytes: bytes, claimedBytes: bytes, freeBytes: expect.any(Number) },
    });
  });

  test('of two that ask at the same time one gets it', async () => {
    const ledger = new SpaceLedger();
    const bytes = await partOfFree(0.6);
    const ends = await Promise.allSettled([{}, {}].map((owner) => ledger.claim(owner, folder, () => bytes)));
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('counts what is still to come of the others, and nothing of one that is over', async () => {
    const ledger = new SpaceLedger();
    const [most, half] = [await partOfFree(0.8), await partOfFree(0.5)];
    let left = most;
    const first = {};
    await ledger.claim(first, folder, () => left);
    left = 1000;
    const second = {};
    await ledger.claim(second, folder, () => half);
    // Its own claim is replaced, not added to.
    await ledger.claim(second, folder, () => half);
    ledger.release(second);
    await ledger.claim({}, folder, () => half);
  });

  test('refuses alone what is more than the disk has, without a word of others', async () => {
    const bytes = await partOfFree(2);
    const refused = new SpaceLedger().claim({}, folder, () => bytes);
    await expect(refused).rejects.toMatchObject({ message: expect.not.stringContaining('other downloads') });
  });

  test('leaves it to the write where nothing is known of the folder', async () => {
    await new SpaceLedger().claim({}, '/nowhere', () => Number.MAX_SAFE_INTEGER);
  });
});
