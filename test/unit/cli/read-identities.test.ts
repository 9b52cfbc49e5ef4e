import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateIdentity } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { readIdentities } from '../../../src/cli/read-identities.ts';

async function read(content: string) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'identities-'));
  const file = path.join(folder.path, 'key.txt');
  await writeFile(file, content);
  return await readIdentities(file);
}

describe('readIdentities', () => {
  it('takes every key and passes over comments, empty lines and Windows line ends', async () => {
    const [one, two] = [await generateIdentity(), await generateIdentity()];
    expect(await read(`# created: now\r\n# public key: age1…\r\n${one}\r\n\r\n  ${two}\n`)).toEqual([
      one,
      two,
    ]);
  });

  it.each([
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nsecret', 'line 1 is neither'],
    ['# mine\nAGE-PLUGIN-SECRET', 'line 2 is neither'],
    ['# nothing but a comment\n', 'it has no key'],
    ['', 'it has no key'],
  ])('%j is refused, and not repeated', async (content, message) => {
    const error = await read(content).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(message),
      hint: expect.stringContaining('age-keygen'),
    });
    expect(String(error)).not.toMatch(/secret|SECRET/);
  });

  it('says so when the file is not there', async () => {
    await expect(readIdentities('/nowhere/key.txt')).rejects.toMatchObject({
      code: 'file_access',
      message: expect.stringContaining('read /nowhere/key.txt'),
    });
  });
});
