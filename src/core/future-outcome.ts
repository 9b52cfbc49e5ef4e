import { failureCategories, queueStates, type FailureCategory, type QueueState } from '../types/futures.ts';

/** One answer of `retrieve_future`, undecoded. */
export interface RetrieveReply {
  status: number;
  contentType: string;
  /** The parsed JSON body; undefined when the body is not JSON. */
  json: unknown;
}

/** Where a queued request stands, and the server's reason when it is not simply active. */
export interface QueuePosition {
  queue_state: QueueState;
  queue_state_reason: string | null;
}

/** What one reply means (wire-protocol 5.2, 5.3, 13.3). */
export type FutureOutcome =
  | { kind: 'protobuf' }
  | { kind: 'json'; value: object }
  | { kind: 'failed'; message: string; category: FailureCategory }
  | { kind: 'tryAgain'; position: QueuePosition | undefined }
  | { kind: 'metadataOnly'; sizeBytes: number }
  | { kind: 'expired'; message: string }
  | { kind: 'serverError' }
  | { kind: 'rateLimited' }
  | { kind: 'billing' }
  | { kind: 'badRequest' }
  | { kind: 'fatal' };

export function toFutureOutcome({ status, contentType, json }: RetrieveReply): FutureOutcome {
  const body = typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
  if (status >= 200 && status < 300) return toSuccess(contentType, body);
  switch (status) {
    case 408:
      return { kind: 'tryAgain', position: toPosition(body) };
    case 410:
      return { kind: 'expired', message: toDetail(body) ?? 'the server no longer has the result' };
    case 429:
      return { kind: 'rateLimited' };
    case 402:
      return { kind: 'billing' };
    case 400: {
      // Some servers report a failed operation as 400 with a detail (13.3); a bare 400 is a proxy's.
      const message = toDetail(body);
      return message === undefined
        ? { kind: 'badRequest' }
        : { kind: 'failed', message, category: 'unknown' };
    }
    default:
      return status >= 500 ? { kind: 'serverError' } : { kind: 'fatal' };
  }
}

function toSuccess(contentType: string, body: object | undefined): FutureOutcome {
  if (contentType.includes('application/x-protobuf')) return { kind: 'protobuf' };
  if (body === undefined) return { kind: 'fatal' };
  if ('type' in body && body.type === 'try_again') return { kind: 'tryAgain', position: toPosition(body) };
  if ('status' in body && body.status === 'complete_metadata') {
    const size = 'response_payload_size' in body ? body.response_payload_size : 0;
    return { kind: 'metadataOnly', sizeBytes: typeof size === 'number' ? size : 0 };
  }
  if ('error' in body) {
    const category = 'category' in body ? body.category : undefined;
    return {
      kind: 'failed',
      message: String(body.error),
      category: failureCategories.find((known) => known === category) ?? 'unknown',
    };
  }
  return { kind: 'json', value: body };
}

function toPosition(body: object | undefined): QueuePosition | undefined {
  if (body === undefined || !('queue_state' in body)) return undefined;
  const reason = 'queue_state_reason' in body ? body.queue_state_reason : null;
  return {
    queue_state: queueStates.find((known) => known === body.queue_state) ?? 'unknown',
    queue_state_reason: typeof reason === 'string' ? reason : null,
  };
}

function toDetail(body: object | undefined): string | undefined {
  if (body === undefined || !('detail' in body)) return undefined;
  return typeof body.detail === 'string' ? body.detail : JSON.stringify(body.detail);
}
