import { ApiError } from '../../core/api-errors.ts';
import {
  ConnectionError,
  InternalError,
  RequestFailedError,
  TimeoutError,
  TinkerError,
} from '../../core/errors.ts';
import { causesOf } from '../../core/thrown.ts';
import type { TelemetryFacts, TelemetrySeverity } from '../../types/telemetry.ts';

/**
 * What telemetry tells of a failure: kinds, codes and ids. Messages only where they are all our own words, because the
 * server's may repeat what was sent. Undefined for what is no concern of the service: the caller's cancelling, errors of the
 * caller's own, and arguments that were refused before anything was sent.
 */
export function toFailureFacts(
  error: unknown,
  what: string,
): { severity: TelemetrySeverity; facts: TelemetryFacts } | undefined {
  if (!TinkerError.isInstance(error)) return undefined;
  if (error instanceof InternalError) {
    const facts = {
      event: 'UNHANDLED_EXCEPTION',
      error_type: error.name,
      error_message: error.message,
    } as const;
    return { severity: 'ERROR', facts };
  }
  const isUserError = causesOf(error).some(isRefusal);
  const wasSent = isUserError || error instanceof ApiError || error.category !== 'user';
  if (error.category === 'cancelled' || !wasSent) return undefined;
  const isOurWords = error instanceof ConnectionError || error instanceof TimeoutError;
  return {
    severity: isUserError ? 'WARNING' : 'ERROR',
    facts: {
      event: 'GENERIC_EVENT',
      event_name: isUserError ? 'user_error' : 'call_failed',
      event_data: {
        what,
        error_type: error.name,
        code: error.code,
        ...(error instanceof ApiError ? { status_code: error.status } : {}),
        ...(error.requestId === undefined ? {} : { request_id: error.requestId }),
        ...(isOurWords ? { message: error.message } : {}),
      },
    },
  };
}

/** The caller's to mend, by the official client's rule (wire-protocol 11.3). */
function isRefusal(error: unknown): boolean {
  if (error instanceof RequestFailedError) return error.failure_category === 'user';
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 408;
}
