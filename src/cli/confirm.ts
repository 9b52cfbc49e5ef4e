import { createInterface } from 'node:readline/promises';
import type { CommandContext } from './context.ts';

/** Whether there is a person to ask: one who can type, and who sees the question. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks on standard error. Anything but yes, the end of input included, means no. */
export async function confirm({ signal, interrupt }: CommandContext, question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // At a prompt the terminal hands Ctrl-C to the program as a key.
  prompt.on('SIGINT', interrupt);
  const ended = new Promise<string>((resolve) => prompt.once('close', () => resolve('\n')));
  try {
    const answer = await Promise.race([prompt.question(`${question} [y/N]: `, { signal }), ended]);
    // Nobody has ended the line of the question.
    if (answer === '\n') process.stderr.write(answer);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}
