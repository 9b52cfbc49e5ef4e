import { flagsWithValue, quote, toIdentifier, type Level } from './words.ts';

/** As for bash, with what each word means. */
export function toZsh(name: string, levels: readonly Level[]): string {
  const id = toIdentifier(name);
  const describe = (text: string, description: string): string =>
    quote(`${text.replaceAll(':', '\\:')}:${description}`);
  const values = levels.flatMap(({ path, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ flags, choices }) => {
        const patterns = flags.map((flag) => `"${path}|${flag}"`).join(' | ');
        return `    ${patterns}) entries=(${choices.map(quote).join(' ')}) ;;`;
      }),
  );
  return [
    `#compdef ${name}`,
    `_${id}() {`,
    '  local -a entries',
    '  local flag="" level="" known="" word',
    '  for word in "${(@)words[2,CURRENT-1]}"; do',
    '    if [[ -n $flag ]]; then flag=""; continue; fi',
    '    case "$word" in',
    `      ${flagsWithValue(levels).join(' | ')}) flag="$word" ;;`,
    '      -*) ;;',
    '      *)',
    '        known="${level:+$level }$word"',
    '        case "$known" in',
    `          ${levels.flatMap(({ path }) => (path === '' ? [] : `"${path}"`)).join(' | ')}) level="$known" ;;`,
    '        esac ;;',
    '    esac',
    '  done',
    '  case "$level|$flag" in',
    ...values,
    ...levels.map(({ path, words, options }) => {
      const entries = [
        ...words.map(({ text, description }) => describe(text, description)),
        ...options.map(({ flags, description }) => describe(flags.at(-1) ?? '', description)),
      ];
      return `    "${path}|") entries=(${entries.join(' ')}) ;;`;
    }),
    '  esac',
    '  if (( $#entries )) && _describe word entries; then return; fi',
    '  _files',
    '}',
    `if [[ "$funcstack[1]" == "_${id}" ]]; then _${id} "$@"; else compdef _${id} ${name}; fi`,
  ].join('\n');
}
