import type { ErrorCode } from '../core/error-codes.ts';
import { TinkerError } from '../core/errors.ts';

/** What the program answers to the shell. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  authentication: 3,
  notFound: 4,
  network: 5,
  interrupted: 130,
} as const;

const byCode: Partial<Record<ErrorCode, number>> = {
  invalid_argument: exitCodes.usage,
  missing_api_key: exitCodes.authentication,
  invalid_api_key: exitCodes.authentication,
  authentication: exitCodes.authentication,
  credential_unavailable: exitCodes.authentication,
  permission_denied: exitCodes.authentication,
  not_found: exitCodes.notFound,
};

export function toExitCode(error: unknown): number {
  if (!TinkerError.isInstance(error)) return exitCodes.failure;
  if (error.category === 'cancelled') return exitCodes.interrupted;
  return byCode[error.code] ?? (error.category === 'network' ? exitCodes.network : exitCodes.failure);
}
