import type { Argument, Command, Option } from 'commander';

/** What may follow a command. */
export interface Level {
  /** The names on the way to it, without the program's. */
  path: string;
  /** Subcommands, and what an argument may be. */
  words: readonly Word[];
  options: readonly CompletedOption[];
  /** Whether it takes arguments of any text, which may name files. */
  takesText: boolean;
}

export interface Word {
  text: string;
  description: string;
}

export interface CompletedOption {
  /** `--format`, or `-f` and `--format`. */
  flags: readonly string[];
  description: string;
  takesValue: boolean;
  /** What its value may be; empty for any text. */
  choices: readonly string[];
}

/** The command tree, so that a script knows what this version knows. */
export function toLevels(command: Command, path = ''): Level[] {
  const subcommands = command.commands.map((child) => ({
    text: child.name(),
    description: child.description(),
  }));
  const choices = command.registeredArguments.flatMap((argument) =>
    (argument.argChoices ?? []).map((text) => ({ text, description: argument.description })),
  );
  return [
    {
      path,
      words: [...subcommands, ...choices],
      options: [...command.options, ...globalOptions(command)].map(toCompleted).concat(help),
      takesText: command.registeredArguments.some(({ argChoices }: Argument) => argChoices === undefined),
    },
    ...command.commands.flatMap((child) => toLevels(child, `${path} ${child.name()}`.trim())),
  ];
}

const help: CompletedOption = {
  flags: ['-h', '--help'],
  description: 'show help',
  takesValue: false,
  choices: [],
};

function globalOptions(command: Command): readonly Option[] {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root === command ? [] : root.options.filter(({ long }) => long !== '--version');
}

function toCompleted({
  short,
  long,
  description,
  required,
  optional,
  argChoices = [],
}: Option): CompletedOption {
  const flags = [short, long].filter((flag) => flag !== undefined);
  return { flags, description, takesValue: required || optional, choices: argChoices };
}

/** Every flag that takes the next word as its value, at whatever level. */
export function flagsWithValue(levels: readonly Level[]): string[] {
  const flags = levels.flatMap(({ options }) =>
    options.flatMap(({ takesValue, flags }) => (takesValue ? flags : [])),
  );
  return [...new Set(flags)];
}

/** For bash and zsh: a word before the cursor is a flag, its value, or leads to a level. */
export function readWordLines(levels: readonly Level[]): string[] {
  const paths = levels.flatMap(({ path }) => (path === '' ? [] : `"${path}"`));
  return [
    '    case "$word" in',
    `      ${flagsWithValue(levels).join(' | ')}) flag="$word" ;;`,
    '      -*) ;;',
    '      *)',
    '        known="${level:+$level }$word"',
    '        case "$known" in',
    `          ${paths.join(' | ')}) level="$known" ;;`,
    '        esac ;;',
    '    esac',
    '  done',
  ];
}

/** For bash and zsh: what may follow a flag, by `"$level|$flag"`; `assign` is what the shell does with it. */
export function valueCases(
  levels: readonly Level[],
  assign: (choices: readonly string[]) => string,
): string[] {
  return levels.flatMap(({ path, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ flags, choices }) => {
        const patterns = flags.map((flag) => `"${path}|${flag}"`).join(' | ');
        return `    ${patterns}) ${assign(choices)} ;;`;
      }),
  );
}

export function toIdentifier(name: string): string {
  return name.replaceAll('-', '_');
}

/** For single quotes of all three shells. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
