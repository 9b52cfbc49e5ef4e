import {
  endMark,
  gzipped,
  paxEntry,
  tarEntry,
  tarOf,
  tensorBytes,
  type RawEntry,
} from '../helpers/archives.ts';
import { bombs } from './bombs.ts';
import { config, type HostileArchive, type Verdict } from './hostile-archive.ts';
import { binarySize, flipped, sizeAt, tampered } from './tampering.ts';

/** Archives made to do harm, and a few odd ones that are sound. `outside` is an absolute folder that none may touch. */
export function hostileArchives(outside: string): HostileArchive[] {
  return [
    ...refused('unsafe_archive', links(outside)),
    ...refused('unsafe_archive', names(outside)),
    ...refused('unsafe_archive', collisions),
    ...refused('unsafe_archive', kinds),
    ...refused('unsafe_archive', unsafeAttributes(outside)),
    ...refused('corrupt_archive', brokenAttributes),
    ...refused('corrupt_archive', sizes),
    ...wholeArchives('corrupt_archive', damages()),
    ...wholeArchives('accepted', oddities()),
    ...bombs(),
  ];
}

type Cases<Case> = Readonly<Record<string, Case>>;

/** Entries that follow a good one, so that a refusal comes when something was written. */
function refused(verdict: Verdict, cases: Cases<Array<RawEntry | Buffer>>): HostileArchive[] {
  return Object.entries(cases).map(([name, entries]) => ({
    name,
    archive: tarOf(config, ...entries),
    verdict,
  }));
}

function wholeArchives(verdict: Verdict, cases: Cases<Buffer>): HostileArchive[] {
  return Object.entries(cases).map(([name, archive]) => ({ name, archive, verdict }));
}

const links = (outside: string): Cases<RawEntry[]> => ({
  'symbolic link to a folder above': [{ name: 'way', type: '2', linkName: '..' }],
  'symbolic link, and a file through it': [
    { name: 'way', type: '2', linkName: outside },
    { name: 'way/escaped', body: 'x' },
  ],
  'symbolic link in the place of a file': [{ name: 'w', type: '2', linkName: `${outside}/canary.txt` }],
  'symbolic link to nothing, then a file of its name': [
    { name: 'w', type: '2', linkName: `${outside}/made` },
    { name: 'w', body: 'x' },
  ],
  'hard link to a file outside': [{ name: 'w', type: '1', linkName: `${outside}/canary.txt` }],
  'hard link that climbs out': [{ name: 'w', type: '1', linkName: '../../canary.txt' }],
  'hard link to a member': [{ name: 'w', type: '1', linkName: 'adapter_config.json' }],
});

const names = (outside: string): Cases<RawEntry[]> => ({
  'absolute name': [{ name: `${outside}/escaped`, body: 'x' }],
  'absolute name with two slashes': [{ name: `/${outside}/escaped`, body: 'x' }],
  'climbs out': [{ name: '../escaped', body: 'x' }],
  'climbs out, further on': [{ name: 'a/../../escaped', body: 'x' }],
  'climbs within': [{ name: 'a/../b', body: 'x' }],
  'climbs to the canary': [{ name: '../../../canary.txt', body: 'x' }],
  'folder above': [{ name: '..', type: '5' }],
  'the folder itself as a file': [{ name: '.', body: 'x' }],
  'no name': [{ name: '', body: 'x' }],
  'empty part': [{ name: 'a//b', body: 'x' }],
  backslash: [{ name: '..\\escaped', body: 'x' }],
  'drive letter': [{ name: 'C:/escaped', body: 'x' }],
  'network share': [{ name: '\\\\host\\share\\escaped', body: 'x' }],
  'stream of a file': [{ name: 'adapter_config.json:stream', body: 'x' }],
  'device of Windows': [{ name: 'aux.json', body: 'x' }],
  'device of Windows in a folder': [{ name: 'a/NUL', body: 'x' }],
  'numbered device of Windows': [{ name: 'com1.txt', body: 'x' }],
  'device of Windows with a superscript': [{ name: 'COM²', body: 'x' }],
  'dot at the end': [{ name: 'name.', body: 'x' }],
  'space at the end': [{ name: 'name ', body: 'x' }],
  wildcard: [{ name: 'a*', body: 'x' }],
  'new line': [{ name: 'a\nb', body: 'x' }],
  'escape sequence': [{ name: '\u001B[31mred', body: 'x' }],
  'bell and backspace': [{ name: 'a\u0007\b', body: 'x' }],
  'control character of Latin-1': [{ name: 'a\u0085b', body: 'x' }],
  deep: [{ name: 'd/'.repeat(40), type: '5' }],
});

const collisions: Cases<RawEntry[]> = {
  'same name twice': [
    { name: 'a', body: '1' },
    { name: 'a', body: '2' },
  ],
  'same name twice, in two spellings': [
    { name: 'a', body: '1' },
    { name: './a', body: '2' },
  ],
  'replaces the first member': [{ name: 'adapter_config.json', body: '{"r":9}' }],
  'file, then a file below it': [
    { name: 'a', body: '1' },
    { name: 'a/b', body: '2' },
  ],
  'folder, then a file of its name': [{ name: 'a/b', body: '1' }, { name: 'a' }],
  'names that differ in case': [
    { name: 'weights', body: '1' },
    { name: 'WEIGHTS', body: '2' },
  ],
  'folders that differ in case': [
    { name: 'Folder/a', body: '1' },
    { name: 'folder/b', body: '2' },
  ],
  'sharp s and its capital': [
    { name: 'stra\u00DFe', body: '1' },
    { name: 'STRASSE', body: '2' },
  ],
  'composed and decomposed letter': [
    { name: 'caf\u00E9', body: '1' },
    { name: 'cafe\u0301', body: '2' },
  ],
  'ligature and its letters': [
    { name: '\uFB01le', body: '1' },
    { name: 'file', body: '2' },
  ],
};

const kinds: Cases<RawEntry[]> = {
  'character device': [{ name: 'null', type: '3' }],
  'block device': [{ name: 'disk', type: '4' }],
  'named pipe': [{ name: 'pipe', type: '6' }],
  'contiguous file': [{ name: 'a', type: '7', body: 'x' }],
  'sparse file of GNU': [{ name: 'a', type: 'S', body: 'x' }],
  'label of a volume': [{ name: 'label', type: 'V' }],
  'file continued from another volume': [{ name: 'a', type: 'M', body: 'x' }],
  'folder list of GNU': [{ name: 'a/', type: 'D' }],
  'unknown kind': [{ name: 'a', type: 'Z', body: 'x' }],
};

const unsafeAttributes = (outside: string): Cases<Array<RawEntry | Buffer>> => ({
  'pax name that climbs out': [paxEntry({ path: '../escaped' }), { name: 'a', body: 'x' }],
  'absolute pax name': [paxEntry({ path: `${outside}/escaped` }), { name: 'a', body: 'x' }],
  'pax name with a zero byte': [paxEntry({ path: 'a\0b' }), { name: 'a', body: 'x' }],
  'pax name of 300 bytes': [paxEntry({ path: 'n'.repeat(300) }), { name: 'a', body: 'x' }],
  'pax name for all members': [paxEntry({ path: 'same' }, 'g'), { name: 'a', body: 'x' }],
  'pax size for all members': [paxEntry({ size: '0' }, 'g'), { name: 'a', body: 'x' }],
  'pax link on a file': [paxEntry({ linkpath: `${outside}/canary.txt` }), { name: 'a', body: 'x' }],
  'pax sparse file': [
    paxEntry({ 'GNU.sparse.major': '1', 'GNU.sparse.name': 'a' }),
    { name: 'a', body: 'x' },
  ],
  'pax attributes of two megabytes': [paxEntry({ comment: 'c'.repeat(2_000_000) }), { name: 'a' }],
  'long name of GNU that climbs out': [
    { name: '././@LongLink', type: 'L', body: '../escaped\0' },
    { name: 'a', body: 'x' },
  ],
  'long link of GNU': [
    { name: '././@LongLink', type: 'K', body: `${outside}/canary.txt\0` },
    { name: 'a', type: '2', linkName: 'b' },
  ],
});

const pax = (body: string): RawEntry => ({ name: 'PaxHeader', type: 'x', body });

const brokenAttributes: Cases<Array<RawEntry | Buffer>> = {
  'pax record longer than its header': [pax('9999 path=a\n'), { name: 'a', body: 'x' }],
  'pax record of length nothing': [pax('0 path=a\n'), { name: 'a', body: 'x' }],
  'pax record with a negative length': [pax('-9 path=a\n'), { name: 'a', body: 'x' }],
  'pax record without a new line': [pax('9 path=ab'), { name: 'a', body: 'x' }],
  'pax record without an equals sign': [pax('9 path a\n'), { name: 'a', body: 'x' }],
  'negative pax size': [paxEntry({ size: '-1' }), { name: 'a', body: 'x' }],
  'pax size that is no number': [paxEntry({ size: '1e3' }), { name: 'a', body: 'x' }],
  'pax size beyond all numbers': [paxEntry({ size: '9'.repeat(30) }), { name: 'a', body: 'x' }],
  'pax size beyond its archive': [paxEntry({ size: '70000' }), { name: 'a', body: 'x' }],
  'folder with content': [{ name: 'a/', type: '5', body: 'x'.repeat(600) }],
  'file named as a folder': [{ name: 'a/', body: 'x' }],
  'file named as the root': [{ name: '/', body: 'x' }],
};

const sizes: Cases<Buffer[]> = {
  'negative binary size': [tampered({ name: 'a', body: 'x' }, sizeAt, binarySize(-512n))],
  'binary size beyond all numbers': [tampered({ name: 'a', body: 'x' }, sizeAt, binarySize(2n ** 62n))],
  'negative octal size': [tampered({ name: 'a', body: 'x' }, sizeAt, '-0000000001\0')],
  'size that is no number': [tampered({ name: 'a', body: 'x' }, sizeAt, 'zzzzzzzzzzz\0')],
};

function damages(): Cases<Buffer> {
  const weights = tarEntry({ name: 'w.bin', body: Buffer.alloc(1000, 1) });
  const whole = tarOf(config, weights);
  const attributes = tarOf(config, paxEntry({ comment: 'c'.repeat(900) }), weights);
  const zipped = gzipped(whole);
  return {
    'nothing at all': Buffer.alloc(0),
    'only an end mark': endMark,
    'only a folder': tarOf({ name: 'folder/', type: '5' }),
    'web page': Buffer.from('<html>not here</html>'.repeat(100)),
    'cut in the first header': whole.subarray(0, 100),
    'cut after the first header': whole.subarray(0, 512),
    'cut in a later header': whole.subarray(0, 1024 + 200),
    'cut in a body': whole.subarray(0, 1024 + 512 + 300),
    'cut in the padding of a body': whole.subarray(0, 1024 + 512 + 1010),
    'cut between members': whole.subarray(0, 1024),
    'cut before the end mark': whole.subarray(0, -1024),
    'cut in attributes': attributes.subarray(0, 1024 + 512 + 300),
    'cut after attributes': attributes.subarray(0, 1024 + 512 + 1024),
    'other bytes behind its end': Buffer.concat([whole, Buffer.from('more')]),
    'another archive behind its end': Buffer.concat([whole, whole]),
    'other bytes between the blocks of its end': Buffer.concat([
      whole.subarray(0, -512),
      Buffer.alloc(512, 7),
    ]),
    'wrong checksum in the first header': flipped(whole, 3),
    'wrong checksum in a later header': flipped(whole, 1024 + 3),
    'gzip cut in its data': zipped.subarray(0, zipped.length / 2),
    'gzip cut in its checksum': zipped.subarray(0, -6),
    'gzip with a wrong checksum': flipped(zipped, zipped.length - 6),
    'gzip with a wrong length': flipped(zipped, zipped.length - 2),
    'gzip with other bytes behind': Buffer.concat([zipped, Buffer.from('more and more')]),
    'gzip in gzip': gzipped(zipped),
    'gzip of nothing': gzipped(Buffer.alloc(0)),
    'two whole archives, each in gzip': Buffer.concat([zipped, zipped]),
    ...Object.fromEntries(
      [
        ['zip', '504b0304'],
        ['xz', 'fd377a585a00'],
        ['zstd', '28b52ffd'],
        ['bzip2', '425a6839'],
      ].map(([format = '', magic = '']) => [
        `named tar, and is ${format}`,
        Buffer.concat([Buffer.from(magic, 'hex'), Buffer.alloc(2000, 9)]),
      ]),
    ),
    'weights that are no safetensors': tarOf(config, {
      name: 'adapter_model.safetensors',
      body: 'x'.repeat(900),
    }),
    'weights shorter than their header says': tarOf(config, {
      name: 'adapter_model.safetensors',
      body: tensorBytes(3000).subarray(0, 2000),
    }),
  };
}

function oddities(): Cases<Buffer> {
  const plain = tarOf(config, { name: 'w.bin', body: Buffer.alloc(1000, 1) });
  const middle = 1024;
  return {
    'no marker': plain,
    'one block of zeros at its end': plain.subarray(0, -512),
    'many zeros at its end': Buffer.concat([plain, Buffer.alloc(9000)]),
    'members of gzip, one after the other': Buffer.concat([
      gzipped(plain.subarray(0, middle)),
      gzipped(plain.subarray(middle)),
    ]),
    'binary size': tarOf(config, tampered({ name: 'w.bin', body: 'xyz' }, sizeAt, binarySize(3n))),
    'header of before ustar': tarOf(tampered(config, 257, Buffer.alloc(8))),
    'all rights and more': tarOf({ ...config, mode: '7777' }),
    'the root as a folder': tarOf({ name: './', type: '5' }, { ...config, name: './adapter_config.json' }),
    'the root as Python names it': tarOf({ name: '/', type: '5' }, config),
    'pax name over a hostile one': tarOf(paxEntry({ path: 'w.bin' }), { name: '../escaped', body: 'x' }),
    'names of properties': tarOf({ name: '__proto__', body: 'x' }, { name: 'constructor', body: 'y' }),
    'names that are options': tarOf({ name: '--checkpoint-action=exec=sh', body: 'x' }, { name: '-rf' }),
    'names of ours': tarOf({ name: 'journal.jsonl', body: 'x' }, { name: 'lock', body: 'y' }),
  };
}
