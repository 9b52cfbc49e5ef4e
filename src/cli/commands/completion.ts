import type { Command, Option } from 'commander';
import type { CommandResult } from '../result.ts';

/** A script for one shell, made from the command tree, so that it knows what this version knows. */
export function showCompletion(program: Command, shell: 'bash' | 'zsh' | 'fish'): CommandResult {
  const levels = toLevels(program);
  const script = { bash: toBash, zsh: toZsh, fish: toFish }[shell](program.name(), levels);
  return { json: { shell, script }, view: { lines: [script] } };
}

/** What may follow a command: its subcommands and options. */
interface Level {
  /** The names on the way to it, without the program's. */
  path: string;
  words: { text: string; description: string }[];
}

function toLevels(command: Command, path = ''): Level[] {
  const subcommands = command.commands.map((child) => ({
    text: child.name(),
    description: child.description(),
  }));
  const options = [...command.options, ...globalOptions(command)].map((option) => ({
    text: option.long ?? option.short ?? '',
    description: option.description,
  }));
  return [
    { path, words: [...subcommands, ...options, { text: '--help', description: 'show help' }] },
    ...command.commands.flatMap((child) => toLevels(child, `${path} ${child.name()}`.trim())),
  ];
}

function globalOptions(command: Command): readonly Option[] {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root === command ? [] : root.options.filter(({ long }) => long !== '--version');
}

/** The words on the line that are no options name the command; files are completed where nothing else fits. */
function toBash(name: string, levels: readonly Level[]): string {
  return [
    `# ${name} completion for bash`,
    `_${toIdentifier(name)}() {`,
    '  local current="${COMP_WORDS[COMP_CWORD]}" path="" word words=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) ;; *) path="${path:+$path }$word" ;; esac',
    '  done',
    '  while :; do',
    '    case "$path" in',
    ...levels.map(
      ({ path, words }) => `      "${path}") words="${words.map(({ text }) => text).join(' ')}" ;;`,
    ),
    '    esac',
    '    [ -n "$words" ] && break',
    '    case "$path" in *" "*) path="${path% *}" ;; *) path="" ;; esac',
    '  done',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '  [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))',
    '}',
    `complete -F _${toIdentifier(name)} ${name}`,
  ].join('\n');
}

function toZsh(name: string, levels: readonly Level[]): string {
  const id = toIdentifier(name);
  return [
    `#compdef ${name}`,
    `_${id}() {`,
    '  local -a options',
    '  local path="" word',
    '  for word in ${words[2,CURRENT-1]}; do [[ $word == -* ]] || path="${path:+$path }$word"; done',
    '  while :; do',
    '    case "$path" in',
    ...levels.map(({ path, words }) => {
      const entries = words.map(({ text, description }) =>
        quote(`${text.replaceAll(':', '\\:')}:${description}`),
      );
      return `      "${path}") options=(${entries.join(' ')}) ;;`;
    }),
    '    esac',
    '    (( $#options )) && break',
    '    [[ $path == *" "* ]] && path="${path% *}" || path=""',
    '  done',
    "  _describe 'command' options || _files",
    '}',
    `if [ "$funcstack[1]" = "_${id}" ]; then _${id} "$@"; else compdef _${id} ${name}; fi`,
  ].join('\n');
}

function toFish(name: string, levels: readonly Level[]): string {
  const lines = levels.flatMap(({ path, words }) => {
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    return words.map(({ text, description }) => {
      const what = text.startsWith('--') ? `-l ${text.slice(2)}` : `-a ${text}`;
      return `complete -c ${name} -n '${condition}' ${what} -d ${quote(description)}`;
    });
  });
  return [`# ${name} completion for fish`, ...lines].join('\n');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function toIdentifier(name: string): string {
  return name.replaceAll('-', '_');
}
