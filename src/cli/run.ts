import { CommanderError } from 'commander';
import { readEnvironment } from '../core/env.ts';
import { createContext, listenForInterrupts } from './context.ts';
import { exitCodes, toExitCode } from './exit-codes.ts';
import { printResult } from './output.ts';
import { createProgram, isAskedFor } from './program.ts';

/** Runs one command line, the program's name left out, and gives its exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  endQuietlyWhenOutputCloses();
  using interruption = listenForInterrupts(forceExit);
  let exitCode: number = exitCodes.ok;
  const program = createProgram(async (body) => {
    const context = createContext(program.options(), interruption);
    const result = await body(context);
    if (result === undefined) return;
    await printResult(result, context);
    exitCode = result.exitCode ?? exitCodes.ok;
  });
  try {
    await program.command.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return isAskedFor(error) ? exitCodes.ok : exitCodes.usage;
    const cause: unknown = interruption.signal.aborted ? interruption.signal.reason : error;
    const { renderError } = await import('./render-error.ts');
    const { format, verbose = false } = program.options();
    const style = { format, verbose: verbose || readEnvironment().logLevel === 'debug' };
    process.stderr.write(`${renderError(cause, style)}\n`);
    return toExitCode(cause);
  }
}

/** `tinker-ts run list | head` closes our output while we write: that is no failure. */
function endQuietlyWhenOutputCloses(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(exitCodes.ok);
    });
  }
}

function forceExit(): void {
  // A progress bar may have hidden the cursor.
  if (process.stderr.isTTY) process.stderr.write('\u001b[?25h\n');
  process.exit(exitCodes.interrupted);
}
