import { flagsWithValue, quote, toIdentifier, type Level } from './words.ts';

/** One line for each word of each level; files only where a value or an argument may be any text. */
export function toFish(name: string, levels: readonly Level[]): string {
  const at = `__${toIdentifier(name)}_at`;
  const paths = levels.flatMap(({ path }) => (path === '' ? [] : quote(path)));
  const lines = levels.flatMap(({ path, words, options, takesText }) => {
    const start = `complete -c ${name} -n ${quote(`${at} ${path}`.trim())}`;
    return [
      ...(takesText ? [`${start} -F`] : []),
      ...words.map(({ text, description }) => `${start} -a ${quote(text)} -d ${quote(description)}`),
      ...options.map(({ flags, description, takesValue, choices }) => {
        const names = flags.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        );
        const value = choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : takesValue ? ' -r -F' : '';
        return `${start} ${names.join(' ')}${value} -d ${quote(description)}`;
      }),
    ];
  });
  return [
    `# ${name} completion for fish`,
    `function ${at}`,
    '  set -l level',
    '  set -l skip 0',
    '  for word in (commandline -opc)[2..-1]',
    '    if test $skip = 1',
    '      set skip 0',
    '      continue',
    '    end',
    '    switch $word',
    `      case ${flagsWithValue(levels).join(' ')}`,
    '        set skip 1',
    "      case '-*'",
    "      case '*'",
    '        set -l known (string join " " $level $word)',
    `        if contains -- $known ${paths.join(' ')}`,
    '          set level $known',
    '        end',
    '    end',
    '  end',
    '  test "$level" = "$argv"',
    'end',
    `complete -c ${name} -f`,
    ...lines,
  ].join('\n');
}
