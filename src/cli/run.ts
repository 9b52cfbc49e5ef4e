import { CommanderError } from 'commander';
import { readEnvironment } from '../core/env.ts';
import { createContext, listenForInterrupts } from './context.ts';
import { InterruptedError, UsageError } from './errors.ts';
import { exitCodes, toExitCode } from './exit-codes.ts';
import { printResult } from './output.ts';
import { createProgram, isAskedFor } from './program.ts';
import { endQuietlyWhenOutputCloses } from './standard-streams.ts';

/** Runs one command line, the program's name left out, and gives its exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  using interruption = listenForInterrupts(forceExit);
  let exitCode: number = exitCodes.ok;
  const program = createProgram(async (body, kind) => {
    endQuietlyWhenOutputCloses();
    if (program.options().format === 'csv' && kind !== 'list')
      throw new UsageError('--format csv is for lists.', 'Choose table, json or jsonl.');
    const context = createContext({ ...program.options(), args }, interruption);
    const result = await body(context);
    if (result === undefined) return;
    if ('view' in result) await printResult(result, context);
    exitCode = result.exitCode ?? exitCodes.ok;
  }, args);
  try {
    await program.command.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return isAskedFor(error) ? exitCodes.ok : exitCodes.usage;
    const isInterrupted = interruption.signal.aborted && !(error instanceof InterruptedError);
    const cause: unknown = isInterrupted ? interruption.signal.reason : error;
    const { renderError } = await import('./render-error.ts');
    const { format, verbose = false } = program.options();
    const style = { format, verbose: verbose || readEnvironment().logLevel === 'debug' };
    endQuietlyWhenOutputCloses();
    process.stderr.write(`${renderError(cause, style)}\n`);
    return toExitCode(cause);
  }
}

function forceExit(): void {
  // A progress bar may have hidden the cursor.
  if (process.stderr.isTTY) process.stderr.write('\u001b[?25h\n');
  process.exit(exitCodes.interrupted);
}
