import { open, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { DownloadError } from '../../../src/core/errors.ts';
import { fileOperation, toFileError, toTooManyFiles } from '../../../src/workers/file-errors.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code, syscall: 'write', errno: -1 });
}

describe('toFileError', () => {
  test.each([
    ['ENOSPC', 'disk_full', 'Free disk space'],
    ['EDQUOT', 'disk_full', 'Free disk space'],
    ['EACCES', 'file_access', 'permission denied'],
    ['EROFS', 'file_access', 'read-only'],
    ['EMFILE', 'file_access', 'ulimit -n'],
    ['ESTALE', 'file_access', 'it failed'],
  ])('turns %s into %s and says what to do: %s', (errno, code, advice) => {
    const error = toFileError(systemError(errno), 'write /data/x.part');
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ code, details: { errno } });
    expect(String(error)).toContain(advice);
    expect(String(error)).toContain('write /data/x.part');
  });

  test('leaves errors alone that are not the file system its own', () => {
    const error = new TypeError('a bug');
    expect(toFileError(error, 'write x')).toBe(error);
  });

  test('says so when a real operation meets a file where a folder should be', async () => {
    const failing = fileOperation('create /dev/null/x', () => writeFile('/dev/null/x', ''));
    await expect(failing).rejects.toMatchObject({ code: 'file_access', details: { errno: 'ENOTDIR' } });
  });

  test('gives the value of an operation that succeeds', async () => {
    await using handle = await fileOperation('read /dev/null', () => open('/dev/null', 'r'));
    expect((await handle.stat()).isFile()).toBe(false);
  });
});

describe('toTooManyFiles', () => {
  test.each([
    ['an error of the system', systemError('EMFILE'), 'EMFILE'],
    ['of the whole machine', systemError('ENFILE'), 'ENFILE'],
    [
      'a module that could not be read, behind one that is said to be missing',
      new Error('Cannot find native binding', {
        cause: new Error('Cannot read package config /x/package.json: too many open files.'),
      }),
      'EMFILE',
    ],
  ])('knows %s', (_what, error, errno) => {
    const found = toTooManyFiles(error, 'start a thread');
    expect(found).toMatchObject({ code: 'file_access', details: { errno }, cause: error });
    expect(found?.message).toContain('Cannot start a thread: ');
  });

  test('takes no other failure for one', () => {
    expect(toTooManyFiles(systemError('ECONNRESET'), 'open a connection')).toBeUndefined();
    expect(toTooManyFiles('EMFILE', 'open a connection')).toBeUndefined();
  });
});
