import { createHash } from 'node:crypto';
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, onTestFinished, test } from 'vitest';
import { crc32c, toCrc32cText } from '../../src/workers/crc32c.ts';
import { verifyFiles } from '../../src/workers/verify-task.ts';
import type { ObjectChecksums } from '../../src/workers/protocol.ts';
import { patternBytes, tensorBytes } from '../helpers/archives.ts';
import { recordingContext } from '../helpers/task-context.ts';

const name = 'part/weights.safetensors';

async function setUp(content: Buffer) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'verify-'));
  onTestFinished(() => folder.remove());
  await mkdir(join(folder.path, 'part'));
  await writeFile(join(folder.path, name), content);
  const file = { name, size_bytes: content.length, crc32c: crc32c(content) };
  const verify = (checksums?: ObjectChecksums, own: object = {}) =>
    verifyFiles({ folder: folder.path, files: [{ ...file, ...own, checksums }] }, recordingContext());
  return { file, verify };
}

const good = tensorBytes(5000);
const digest = (algorithm: string) => createHash(algorithm).update(good).digest('base64');

describe('encrypted files', () => {
  async function setUpEncrypted(plain: Buffer) {
    const identity = await generateIdentity();
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(identity));
    const content = Buffer.from(await encrypter.encrypt(plain));
    const temporary = await mkdtempDisposable(join(tmpdir(), 'age-'));
    onTestFinished(() => temporary.remove());
    const folder = temporary.path;
    await writeFile(join(folder, 'w.safetensors.age'), content);
    const file = { name: 'w.safetensors.age', size_bytes: content.length, crc32c: crc32c(content) };
    const verify = (own: string | undefined, files = [file]) =>
      verifyFiles({ folder, files, identities: own === undefined ? [] : [own] }, recordingContext());
    return { identity, folder, file, verify };
  }

  test('are decrypted with the identity, and looked at afterwards', async () => {
    const { identity, folder, verify } = await setUpEncrypted(good);
    expect(await verify(identity)).toEqual({
      kind: 'intact',
      files: [{ name: 'w.safetensors', size_bytes: good.length, crc32c: crc32c(good) }],
    });
    expect(await readdir(folder)).toEqual(['w.safetensors']);
    expect(good.equals(await readFile(join(folder, 'w.safetensors')))).toBe(true);
  });

  test('are kept as they are without one', async () => {
    const { folder, file, verify } = await setUpEncrypted(good);
    expect(await verify(undefined)).toEqual({ kind: 'intact', files: [file] });
    expect(await readdir(folder)).toEqual(['w.safetensors.age']);
  });

  test('that another key belongs to are refused, without a word of the identity', async () => {
    const { verify } = await setUpEncrypted(good);
    const other = await generateIdentity();
    const outcome = await verify(other);
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'decryption_failed' } });
    expect(JSON.stringify(outcome)).not.toContain(other.slice(20));
  });

  test('never take the place of another file', async () => {
    const { identity, folder, file, verify } = await setUpEncrypted(good);
    await writeFile(join(folder, 'w.safetensors'), good);
    const plain = { name: 'w.safetensors', size_bytes: good.length, crc32c: crc32c(good) };
    expect(await verify(identity, [plain, file])).toMatchObject({ error: { code: 'unsafe_archive' } });
  });
});

describe('verifyFiles', () => {
  test.each<[string, ObjectChecksums | undefined]>([
    ['no checksum', undefined],
    ['its CRC-32C', { crc32c: toCrc32cText(crc32c(good)) }],
    ['its MD5', { md5: digest('md5') }],
    ['its SHA-256', { sha256: digest('sha256') }],
  ])('finds a file intact that came with %s', async (_what, checksums) => {
    const { file, verify } = await setUp(good);
    expect(await verify(checksums)).toEqual({ kind: 'intact', files: [file] });
  });

  test.each<[string, ObjectChecksums]>([
    ['CRC-32C', { crc32c: 'AAAAAA==' }],
    ['md5', { md5: 'AAAA' }],
    ['sha256', { sha256: 'AAAA' }],
  ])('finds a file damaged that has another %s than came with it', async (algorithm, checksums) => {
    const { verify } = await setUp(good);
    expect(await verify(checksums)).toMatchObject({
      kind: 'corrupt',
      error: { code: 'checksum_mismatch', message: expect.stringContaining(algorithm) },
    });
  });

  test('finds a file damaged that is shorter than what was written', async () => {
    const { verify } = await setUp(good);
    expect(await verify(undefined, { size_bytes: 5001 })).toMatchObject({
      kind: 'corrupt',
      error: { code: 'checksum_mismatch' },
    });
  });

  test.each([
    ['has no header', Buffer.alloc(3)],
    ['has something else at its start', patternBytes(5000)],
    ['is cut off', good.subarray(0, 4000)],
    ['goes on after its tensors', Buffer.concat([good, Buffer.from('more')])],
    ['leaves a gap', Buffer.from(good.toString('latin1').replace('[0,', '[9,'), 'latin1')],
    ['has a header that is no JSON', Buffer.from(good.toString('latin1').replace('{', '['), 'latin1')],
  ])('finds a safetensors file damaged that %s', async (_what, content) => {
    const { verify } = await setUp(content);
    expect(await verify()).toMatchObject({ kind: 'corrupt', error: { code: 'corrupt_archive' } });
  });
});
