/** A request that is refused: its status, and the words of `detail` in its body. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(statusCode: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.statusCode = statusCode;
    this.headers = headers;
  }
}

/** What a request has that this server does not offer; refused by name, as a fact about this server. */
export function unsupported(what: string, reason?: string): HttpError {
  return new HttpError(
    422,
    `${what} is not supported by this server${reason === undefined ? '' : `: ${reason}`}`,
  );
}

/** Whose fault a failed operation is, in the words of the wire. */
type OperationCategory = 'user' | 'server';

/** An operation that was accepted and then failed: `retrieve_future` reports it, always with status 200. */
export class OperationError extends Error {
  override name = 'OperationError';
  readonly category: OperationCategory;

  constructor(message: string, category: OperationCategory) {
    super(message);
    this.category = category;
  }
}

/** Any failure of an operation as the wire tells it. What the engine throws carries its own category. */
export function toOperationError(error: unknown): OperationError {
  if (error instanceof OperationError) return error;
  if (error instanceof HttpError)
    return new OperationError(error.message, error.statusCode < 500 ? 'user' : 'server');
  if (!(error instanceof Error)) return new OperationError(String(error), 'server');
  const category = 'category' in error && error.category === 'user' ? 'user' : 'server';
  return new OperationError(error.message, category);
}
