import { quote, readWordLines, toIdentifier, valueCases, type Level } from './words.ts';

/** As for bash, with what each word means. */
export function toZsh(name: string, levels: readonly Level[]): string {
  const id = toIdentifier(name);
  const describe = (text: string, description: string): string =>
    quote(`${text.replaceAll(':', '\\:')}:${description}`);
  return [
    `#compdef ${name}`,
    `_${id}() {`,
    '  local -a entries',
    '  local flag="" level="" known="" word',
    '  for word in "${(@)words[2,CURRENT-1]}"; do',
    '    if [[ -n $flag ]]; then flag=""; continue; fi',
    ...readWordLines(levels),
    '  case "$level|$flag" in',
    ...valueCases(levels, (choices) => `entries=(${choices.map(quote).join(' ')})`),
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
