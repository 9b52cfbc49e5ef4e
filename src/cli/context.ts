import { systemClock, type Clock } from '../core/clock.ts';
import { readEnvironment, type Environment } from '../core/env.ts';
import { InterruptedError } from './errors.ts';

export const outputFormats = ['table', 'json', 'jsonl', 'csv'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Whether a program reads the output: standard error is then for one JSON error. */
export function isJson(format: OutputFormat): boolean {
  return format === 'json' || format === 'jsonl';
}

/** What every command gets. */
export interface CommandContext {
  readonly format: OutputFormat;
  /** The command line, the program's name left out. */
  readonly args: readonly string[];
  /** Aborts with InterruptedError on Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly environment: Environment;
  /** With `--local`: the data folder of the server to start. */
  readonly local: string | undefined;
  /** Stops as Ctrl-C does; for input modes in which the terminal sends no signal. */
  interrupt: () => void;
  /** A line for the person at the terminal, on standard error; nothing in the JSON formats. */
  note: (line: string) => void;
  /** Notes go to `write` instead until this is disposed of: a progress bar has the line under its control. */
  divertNotes: (write: (line: string) => void) => Disposable;
}

export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  interrupt: () => void;
}

/** The first SIGINT or SIGTERM asks the command to stop; the second ends the process. */
export function listenForInterrupts(forceExit: () => void): Interruption {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) forceExit();
    else controller.abort(new InterruptedError());
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, interrupt);
  return {
    signal: controller.signal,
    interrupt,
    [Symbol.dispose]() {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}

export interface ContextOptions {
  args: readonly string[];
  format: OutputFormat;
  local?: boolean | undefined;
  localDataDir: string;
}

export function createContext(
  { args, format, local = false, localDataDir }: ContextOptions,
  { signal, interrupt }: Interruption,
): CommandContext {
  const toStandardError = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  let write = toStandardError;
  return {
    format,
    args,
    signal,
    interrupt,
    clock: systemClock,
    environment: readEnvironment(),
    local: local ? localDataDir : undefined,
    note(line) {
      if (!isJson(format)) write(line);
    },
    divertNotes(other) {
      write = other;
      return { [Symbol.dispose]: () => void (write = toStandardError) };
    },
  };
}
