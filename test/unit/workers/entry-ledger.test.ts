import * as fc from 'fast-check';
import { posix, win32 } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EntryLedger } from '../../../src/workers/entry-ledger.ts';

const limits = { entryCount: 5, totalBytes: 1000, depth: 4 };

function file(path: string, sizeBytes = 1) {
  return { path, kind: 'file' as const, sizeBytes };
}

function folder(path: string) {
  return { path, kind: 'directory' as const, sizeBytes: 0 };
}

describe('EntryLedger', () => {
  test.each([
    ['/etc/passwd', 'is absolute'],
    ['../outside', 'leaves the folder'],
    ['inner/../../outside', 'leaves the folder'],
    ['inner\\..\\..\\outside', 'has a character'],
    ['C:evil', 'has a character'],
    ['file.txt:stream', 'has a character'],
    ['line\nbreak', 'has a character'],
    ['nul\u0000byte', 'has a character'],
    ['reversed\u202etxt.exe', 'has a character'],
    ['inner//file', 'has an empty part'],
    ['CON', 'is a device on Windows'],
    ['inner/nul.txt', 'is a device on Windows'],
    ['Lpt1.tar.gz', 'is a device on Windows'],
    ['com²', 'is a device on Windows'],
    ['dots...', 'ends in a dot or a space'],
    ['inner /file', 'ends in a dot or a space'],
    ['a/b/c/d/e', 'is deeper than 4 folders'],
    ['x'.repeat(256), 'more than 255 bytes'],
    ['', 'has an empty part'],
    ['.', 'names no file'],
  ])('refuses the file name %j, which %s', (path, why) => {
    const admit = () => new EntryLedger(limits).admit(file(path));
    expect(admit).toThrow(why);
    expect(admit).toThrow(expect.objectContaining({ code: 'unsafe_archive' }));
  });

  test('names the folders that must be made before an entry, each of them once', () => {
    const ledger = new EntryLedger(limits);
    expect(ledger.admit(file('./a/b/one'))).toEqual({ name: 'a/b/one', newFolders: ['a', 'a/b'] });
    expect(ledger.admit(file('a/b/two'))).toEqual({ name: 'a/b/two', newFolders: [] });
    expect(ledger.admit(folder('a/c/'))).toEqual({ name: 'a/c', newFolders: ['a/c'] });
    expect(ledger.admit(folder('a/b/'))).toEqual({ name: 'a/b', newFolders: [] });
  });

  test("takes the archive's own root folder as nothing to make", () => {
    for (const root of ['./', '/'])
      expect(new EntryLedger(limits).admit(folder(root))).toEqual({ name: '', newFolders: [] });
  });

  test.each([
    [[file('same'), file('same')], 'is there twice'],
    [[folder('same/'), folder('same/')], 'is there twice'],
    [[file('same'), file('./same')], 'is there twice'],
    [[file('Model.bin'), file('model.BIN')], 'differ only in case'],
    [[file('Folder/one'), file('folder/two')], 'differ only in case'],
    [[file('caf\u00e9'), file('cafe\u0301')], 'differ only in case'],
    [[file('name'), file('name/inner')], 'both a file and a folder'],
    [[file('name/inner'), file('name')], 'both a file and a folder'],
  ])('refuses %j together: %s', (entries, why) => {
    const ledger = new EntryLedger(limits);
    expect(() => entries.forEach((entry) => ledger.admit(entry))).toThrow(why);
  });

  test('refuses the entry that is one too many and says which limit it was', () => {
    const ledger = new EntryLedger(limits);
    for (let index = 0; index < 5; index++) ledger.admit(file(`file-${index}`));
    expect(() => ledger.admit(file('file-5'))).toThrow('more than 5 entries (limit entryCount)');
  });

  test('refuses the entry with which the declared sizes exceed the limit', () => {
    const ledger = new EntryLedger(limits);
    ledger.admit(file('one', 600));
    expect(() => ledger.admit(file('two', 401))).toThrow('more than 1000 bytes (limit totalBytes)');
  });

  test('never admits a name that resolves outside the folder, on POSIX or on Windows', () => {
    const part = fc.constantFrom('..', '.', '', '/', '\\', 'a', 'C:', 'con', 'x.', '~', '\u2025', '%2e%2e');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom('/', '\\', ''), (parts, separator) => {
        let name: string;
        try {
          ({ name } = new EntryLedger(limits).admit(file(parts.join(separator))));
        } catch {
          return true;
        }
        const root = posix.resolve('/root', name).startsWith('/root/');
        return root && win32.resolve('C:\\root', name).startsWith('C:\\root\\');
      }),
    );
  });
});
