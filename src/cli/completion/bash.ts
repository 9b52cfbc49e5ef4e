import { flagsWithValue, toIdentifier, type Level } from './words.ts';

/**
 * The words on the line that are neither options nor their values name the command. Files are completed where a value or
 * an argument may be any text.
 */
export function toBash(name: string, levels: readonly Level[]): string {
  const id = toIdentifier(name);
  const values = levels.flatMap(({ path, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ flags, choices }) => {
        const patterns = flags.map((flag) => `"${path}|${flag}"`).join(' | ');
        return `    ${patterns}) words="${choices.join(' ')}" ;;`;
      }),
  );
  return [
    `# ${name} completion for bash`,
    `_${id}() {`,
    '  local current="${COMP_WORDS[COMP_CWORD]}" flag="" level="" known="" word words=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    // Bash hands over --format=json as three words.
    '    [ "$word" = "=" ] && continue',
    '    if [ -n "$flag" ]; then flag=""; continue; fi',
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
    '  [ "$current" = "=" ] && current=""',
    '  case "$level|$flag" in',
    ...values,
    ...levels.map(({ path, words, options }) => {
      const all = [...words.map(({ text }) => text), ...options.map(({ flags }) => flags.at(-1) ?? '')];
      return `    "${path}|") words="${all.join(' ')}" ;;`;
    }),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    `complete -o default -F _${id} ${name}`,
  ].join('\n');
}
