import type { ErrorCode } from '../core/error-codes.ts';
import { CancelledError, InvalidArgumentError, TinkerError } from '../core/errors.ts';
import { messageOf } from '../core/thrown.ts';

/** A command line that cannot be right: nothing was done. `hint` names the command that explains it. */
export class UsageError extends InvalidArgumentError {
  override name = 'UsageError';
  readonly #hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.#hint = hint;
  }

  override get hint(): string {
    return this.#hint;
  }
}

/** A failure that a command explains itself, with its own advice. */
export class CommandError extends TinkerError {
  override name = 'CommandError';
  readonly #hint: string;

  constructor(code: ErrorCode, message: string, hint: string, cause?: unknown) {
    super(code, message, { cause });
    this.#hint = hint;
  }

  override get hint(): string {
    return this.#hint;
  }
}

/** The person, or the system, told the program to stop. */
export class InterruptedError extends CancelledError {
  override name = 'InterruptedError';
  readonly #hint: string;

  constructor(message = 'Interrupted.', hint = 'Run the command again to start anew.') {
    super(message);
    this.#hint = hint;
  }

  override get hint(): string {
    return this.#hint;
  }
}

/** The failure of reading or writing a file that was named on the command line. */
export function fileOperationError(what: string, error: unknown): CommandError {
  const reason = messageOf(error);
  return new CommandError(
    'file_access',
    `Could not ${what}: ${reason}`,
    'Check the path and its permissions.',
    error,
  );
}
