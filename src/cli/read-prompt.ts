import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileOperationError, UsageError } from './errors.ts';

/** A text from the command line, a file or standard input. `command` is what lacks it where there is none. */
export async function readPrompt(
  prompt: string | undefined,
  file: string | undefined,
  command: string,
): Promise<string> {
  if (prompt !== undefined && file !== undefined) {
    throw new UsageError('Give the prompt as an argument or by --file, not both.', 'Leave one of them out.');
  }
  if (prompt !== undefined) return prompt;
  if (file !== undefined) {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      throw fileOperationError(`read ${file}`, error);
    }
  }
  if (process.stdin.isTTY) throw emptyPrompt(command);
  return text(process.stdin);
}

export function emptyPrompt(command: string): UsageError {
  return new UsageError(
    'There is no prompt.',
    `Give it as an argument, by --file, or on standard input: tinker-ts ${command} "Once upon a time" --model …`,
  );
}
