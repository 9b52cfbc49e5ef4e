import { errorCodes, type ErrorCategory, type ErrorCode } from './error-codes.ts';

/** Shared by all copies of this package in a process, so that `isInstance` works across them. */
const brand = Symbol.for('tinker-ts.error');

export interface ErrorOptions {
  cause?: unknown;
  /** The server's id of the operation, when there is one. */
  requestId?: string | undefined;
  /** Small plain facts for programs; never a key, a signed URL or a request body. */
  details?: Readonly<Record<string, unknown>> | undefined;
}

/** The base of every error of this package. Branch on `code`; `category` says whose concern it is. */
export class TinkerError extends Error {
  override name = 'TinkerError';
  readonly code: ErrorCode;
  readonly requestId: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.requestId = options.requestId;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  get category(): ErrorCategory {
    return errorCodes[this.code].category;
  }

  /** Whether the same call may succeed when it is simply made again later. */
  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }

  /** What a person can do about it, in one sentence. */
  get hint(): string {
    return errorCodes[this.code].hint;
  }

  static isInstance(value: unknown): value is TinkerError {
    return value instanceof Error && brand in value;
  }
}

/** An argument, option or data row that cannot be right; nothing was sent. */
export class InvalidArgumentError extends TinkerError {
  override name = 'InvalidArgumentError';

  constructor(message: string, options?: ErrorOptions) {
    super('invalid_argument', message, options);
  }
}

/** The server could not be reached, or the connection broke. */
export class ConnectionError extends TinkerError {
  override name = 'ConnectionError';

  constructor(message: string, options?: ErrorOptions) {
    super('connection', message, options);
  }
}

/** A deadline of the caller or of one HTTP attempt passed. */
export class TimeoutError extends TinkerError {
  override name = 'TimeoutError';

  constructor(message: string, options?: ErrorOptions) {
    super('timeout', message, options);
  }
}

/** An answer that is not what the API promises. */
export class InvalidResponseError extends TinkerError {
  override name = 'InvalidResponseError';

  constructor(message: string, options?: ErrorOptions) {
    super('invalid_response', message, options);
  }
}

/** An operation that the server accepted and then failed; `failure_category` is the server's own word. */
export class RequestFailedError extends TinkerError {
  override name = 'RequestFailedError';
  readonly failure_category: 'user' | 'server' | 'unknown';

  constructor(message: string, failure_category: 'user' | 'server' | 'unknown', options?: ErrorOptions) {
    super('request_failed', message, options);
    this.failure_category = failure_category;
  }

  override get category(): ErrorCategory {
    return this.failure_category === 'user' ? 'user' : 'server';
  }
}

/** The result of an accepted operation is lost (410). */
export class FutureExpiredError extends TinkerError {
  override name = 'FutureExpiredError';

  constructor(message: string, options?: ErrorOptions) {
    super('future_expired', message, options);
  }
}

/** The session ended on the server; its models can be continued only from saved states. */
export class SessionLostError extends TinkerError {
  override name = 'SessionLostError';

  constructor(message: string, options?: ErrorOptions) {
    super('session_lost', message, options);
  }
}

/** The client was closed before or during the call. */
export class ClientClosedError extends TinkerError {
  override name = 'ClientClosedError';

  constructor(message: string, options?: ErrorOptions) {
    super('client_closed', message, options);
  }
}

/** `cancel()` was called on the handle. An aborted signal rejects with its own reason instead. */
export class CancelledError extends TinkerError {
  override name = 'CancelledError';

  constructor(message: string, options?: ErrorOptions) {
    super('cancelled', message, options);
  }
}

/** What may go wrong with a download alone. */
export type DownloadErrorCode = Extract<
  ErrorCode,
  | 'destination_exists'
  | 'archive_pending'
  | 'not_downloadable'
  | 'decryption_failed'
  | 'checksum_mismatch'
  | 'unsafe_archive'
  | 'corrupt_archive'
  | 'disk_full'
  | 'file_access'
>;

/** A download that could not be completed; the destination is as it was before. */
export class DownloadError extends TinkerError {
  override name = 'DownloadError';

  constructor(code: DownloadErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** A bug of ours. */
export class InternalError extends TinkerError {
  override name = 'InternalError';

  constructor(message: string, options?: ErrorOptions) {
    super('internal', message, options);
  }
}
