import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CommandContext } from '../context.ts';
import type { CommandResult, PrintedResult } from '../result.ts';

/** A command, ready to run: its module is loaded only then. One that prints by itself gives its exit code, or nothing for 0. */
export type CommandBody = (
  context: CommandContext,
) => Promise<CommandResult | PrintedResult | undefined | void>;

/** Where parsing a command line ends. Lists alone can be CSV. */
export type Start = (body: CommandBody, kind?: 'list') => Promise<void>;

/** Commands under one name. */
export interface Group {
  name: string;
  description: string;
  examples: readonly string[];
  addCommands(group: Command, start: Start): void;
}

/** The last part of a command's help. `lines` are commands without the program's name. */
export function examples(...lines: readonly string[]): string {
  const title = lines.length === 1 ? 'Example' : 'Examples';
  return ['', `${title}:`, ...lines.map(toExampleLine)].join('\n');
}

/** What 80 columns do not hold goes on in the next line, as a shell takes it. */
function toExampleLine(line: string): string {
  const whole = `  $ tinker-ts ${line}`;
  if (whole.length <= 80) return whole;
  const end = whole.lastIndexOf(' -', 78);
  return `${whole.slice(0, end)} \\\n      ${whole.slice(end + 1)}`;
}

export const pathHelp = 'tinker://run-id/weights/name';

export function limitOption(): Option {
  return new Option('--limit <count>', 'how many at most; 0 for all').default(20).argParser(toInteger);
}

export function toInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number.parseInt(text, 10);
}

export function toCount(text: string): number {
  const count = toInteger(text);
  if (count < 1) throw new InvalidArgumentError('It must be a whole number from 1 up.');
  return count;
}

export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** For options that may be given several times. */
export function collect(text: string, previous: readonly string[]): string[] {
  return [...previous, text];
}
