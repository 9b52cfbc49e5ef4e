import { readWordLines, toIdentifier, valueCases, type Level } from './words.ts';

/**
 * The words on the line that are neither options nor their values name the command. Files are completed where a value or
 * an argument may be any text.
 */
export function toBash(name: string, levels: readonly Level[]): string {
  const id = toIdentifier(name);
  return [
    `# ${name} completion for bash`,
    `_${id}() {`,
    '  local current="${COMP_WORDS[COMP_CWORD]}" flag="" level="" known="" word words=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    // Bash hands over --format=json as three words.
    '    [ "$word" = "=" ] && continue',
    '    if [ -n "$flag" ]; then flag=""; continue; fi',
    ...readWordLines(levels),
    '  [ "$current" = "=" ] && current=""',
    '  case "$level|$flag" in',
    ...valueCases(levels, (choices) => `words="${choices.join(' ')}"`),
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
