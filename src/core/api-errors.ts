import type { ErrorCategory, ErrorCode } from './error-codes.ts';
import { TinkerError, type ErrorOptions } from './errors.ts';

export interface ApiErrorOptions extends ErrorOptions {
  status: number;
  /** The parsed JSON body, or its text. */
  body?: unknown;
}

/** A status other than 2xx. One subclass for each status that callers branch on (wire-protocol 11.1). */
export class ApiError extends TinkerError {
  override name = 'ApiError';
  readonly status: number;
  readonly body: unknown;

  constructor(code: ErrorCode, message: string, options: ApiErrorOptions) {
    super(code, message, options);
    this.status = options.status;
    this.body = options.body;
  }

  /** A 4xx that has no class of its own is still the caller's to mend. */
  override get category(): ErrorCategory {
    return this.code === 'api_status' && this.status >= 400 && this.status < 500 ? 'user' : super.category;
  }
}

export class BadRequestError extends ApiError {
  override name = 'BadRequestError';
}
export class AuthenticationError extends ApiError {
  override name = 'AuthenticationError';
}
export class BillingError extends ApiError {
  override name = 'BillingError';
}
export class PermissionDeniedError extends ApiError {
  override name = 'PermissionDeniedError';
}
export class NotFoundError extends ApiError {
  override name = 'NotFoundError';
}
export class ConflictError extends ApiError {
  override name = 'ConflictError';
}
export class GoneError extends ApiError {
  override name = 'GoneError';
}
export class UnprocessableEntityError extends ApiError {
  override name = 'UnprocessableEntityError';
}
export class RateLimitError extends ApiError {
  override name = 'RateLimitError';
}
export class InternalServerError extends ApiError {
  override name = 'InternalServerError';
}

const byStatus: Readonly<Record<number, [ErrorCode, typeof ApiError]>> = {
  400: ['bad_request', BadRequestError],
  401: ['authentication', AuthenticationError],
  402: ['billing', BillingError],
  403: ['permission_denied', PermissionDeniedError],
  404: ['not_found', NotFoundError],
  409: ['conflict', ConflictError],
  410: ['gone', GoneError],
  422: ['unprocessable', UnprocessableEntityError],
  429: ['rate_limited', RateLimitError],
};

/** The error for a status that is not 2xx. `what` names the request, for example `POST /api/v1/asample`. */
export function toApiError(what: string, options: ApiErrorOptions): ApiError {
  const [code, ErrorClass] =
    byStatus[options.status] ??
    (options.status >= 500
      ? (['server_error', InternalServerError] as const)
      : (['api_status', ApiError] as const));
  return new ErrorClass(code, `${what} answered ${options.status}: ${describeBody(options.body)}`, options);
}

/** The server's own words: `detail` as text or as a list of field errors (FastAPI's convention), else the body. */
function describeBody(body: unknown): string {
  if (body === undefined || body === '') return 'no detail given';
  if (typeof body === 'string') return body.slice(0, 500);
  if (typeof body === 'object' && body !== null && 'detail' in body) {
    const { detail } = body;
    if (typeof detail === 'string') return detail;
    if (Array.isArray(detail)) return detail.map(describeFieldError).join('; ').slice(0, 1000);
  }
  return JSON.stringify(body).slice(0, 500);
}

function describeFieldError(item: unknown): string {
  if (typeof item !== 'object' || item === null || !('msg' in item)) return JSON.stringify(item);
  const location = 'loc' in item && Array.isArray(item.loc) ? `${item.loc.join('.')}: ` : '';
  return location + String(item.msg);
}
