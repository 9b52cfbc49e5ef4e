/** What an export is said to hold: each file's name, with its body or the address that is told in the place of one of ours. */
export interface HostileExport {
  name: string;
  files: ReadonlyMap<string, string | URL>;
  verdict: 'unsafe_archive' | 'invalid_response' | 'accepted';
}

/** Exports whose file names or addresses are made to do harm. `outside` is an absolute folder that none may touch. */
export function hostileExports(outside: string): HostileExport[] {
  const refused: Readonly<Record<string, string[]>> = {
    'climbs out': ['../escaped'],
    'climbs out, further on': ['a/../../escaped'],
    'climbs to the canary': ['../../../canary.txt'],
    'absolute name': [`${outside}/escaped`],
    'no name': [''],
    'the folder itself': ['.'],
    'the folder above': ['..'],
    'folder in the place of a file': ['a/'],
    'empty part': ['a//b'],
    backslash: ['..\\escaped'],
    'drive letter': ['C:/escaped'],
    'stream of a file': ['a:b'],
    'device of Windows': ['aux.json'],
    'dot at the end': ['name.'],
    'space at the end': ['name '],
    'new line': ['a\nb'],
    'escape sequence': ['\u001B[31mred'],
    'change of direction': ['weights\u202Etxt.exe'],
    'zero byte': ['a\0b'],
    deep: [`${'d/'.repeat(40)}a`],
    'name of 300 bytes': ['n'.repeat(300)],
    'names that differ in case': ['weights', 'WEIGHTS'],
    'composed and decomposed letter': ['caf\u00E9', 'cafe\u0301'],
    'same name in two spellings': ['a', './a'],
    'file, then a file below it': ['a', 'a/b'],
  };
  const addresses: Readonly<Record<string, string>> = {
    'address of a local file': `file://${outside}/canary.txt`,
    'address with its content': 'data:text/plain,x',
  };
  const accepted: Readonly<Record<string, string[]>> = {
    'names of properties': ['toString', 'constructor'],
    'names that are options': ['-rf', '--checkpoint-action=exec=sh'],
    'names of ours': ['journal.jsonl', 'lock', 'archive.part'],
  };
  const withBodies = (names: readonly string[]): HostileExport['files'] =>
    new Map(['adapter_config.json', ...names].map((name) => [name, `body of ${name}`]));
  return [
    // It would be lost in the object that a reply becomes.
    { name: 'name of the prototype', files: withBodies(['__proto__']), verdict: 'invalid_response' },
    ...Object.entries(refused).map(([name, names]): HostileExport => ({
      name,
      files: withBodies(names),
      verdict: 'unsafe_archive',
    })),
    ...Object.entries(addresses).map(([name, address]): HostileExport => ({
      name,
      files: new Map<string, string | URL>([
        ['adapter_config.json', '{}'],
        ['w.bin', new URL(address)],
      ]),
      verdict: 'invalid_response',
    })),
    ...Object.entries(accepted).map(([name, names]): HostileExport => ({
      name,
      files: withBodies(names),
      verdict: 'accepted',
    })),
  ];
}
