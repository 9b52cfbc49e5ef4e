import type { ErrorCode } from './error-codes.ts';
import { errorCodes } from './error-codes.ts';
import { TinkerError } from './errors.ts';
import { messageOf } from './thrown.ts';

/** An error as plain data: what crosses a thread boundary, and what `--format json` prints. */
export interface SerializedError {
  code: ErrorCode;
  category: string;
  message: string;
  hint: string;
  retryable: boolean;
  requestId?: string | undefined;
  details?: Readonly<Record<string, unknown>> | undefined;
}

export function serializeError(error: unknown): SerializedError {
  if (!TinkerError.isInstance(error)) {
    const message = messageOf(error);
    return {
      code: 'internal',
      category: 'internal',
      message,
      hint: errorCodes.internal.hint,
      retryable: false,
    };
  }
  const { code, category, message, hint, retryable, requestId, details } = error;
  return {
    code,
    category,
    message,
    hint,
    retryable,
    ...(requestId === undefined ? {} : { requestId }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
}

/** The error that `serializeError` took apart, as far as callers can tell: same code, message and facts. */
export function reviveError(serialized: SerializedError): TinkerError {
  const { code, message, requestId, details } = serialized;
  return new TinkerError(code, message, { requestId, details });
}
