import { createInterface } from 'node:readline/promises';
import type { CommandContext } from './context.ts';

/** Whether there is a person to ask: one who can type, and who sees the question. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Where a question is asked and answered. */
interface Dialogue {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

/**
 * Asks on standard error. Anything but yes means no, and so does the end of input, after which `withYes`, what to type to
 * be asked nothing, is told.
 */
export async function confirm(
  { signal, interrupt, note }: Pick<CommandContext, 'signal' | 'interrupt' | 'note'>,
  question: string,
  withYes: string,
  { input, output }: Dialogue = { input: process.stdin, output: process.stderr },
): Promise<boolean> {
  const prompt = createInterface({ input, output });
  // At a prompt the terminal hands Ctrl-C to the program as a key.
  prompt.on('SIGINT', interrupt);
  const ended = new Promise<undefined>((resolve) => prompt.once('close', () => resolve(undefined)));
  try {
    const answer = await Promise.race([prompt.question(`${question} [y/N]: `, { signal }), ended]);
    if (answer === undefined) {
      // Nobody has ended the line of the question.
      output.write('\n');
      signal.throwIfAborted();
      note(`Nobody answered, which means no. To be asked nothing, add --yes: ${withYes}`);
      return false;
    }
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}
