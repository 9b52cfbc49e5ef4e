import { addAbortSignal } from 'node:stream';
import { InternalError } from '../core/errors.ts';
import type { RequestFailed } from './protocol.ts';
import {
  headersOf,
  judgeRange,
  putInto,
  toCutError,
  type RangeAsk,
  type RangeRequest,
  type RangeSink,
} from './range-request.ts';
import { getSignedUrl } from './signed-url.ts';
import { getBySocket } from './socket-get.ts';

/**
 * Asks for a range of an object, under the validator that is known, and gives its bytes to the sink. Of an object of which
 * nothing is known any start will do that the server likes: the first range, or everything. Rejects when the connection
 * breaks, with what came in the sink, and with what the sink throws.
 */
export async function receiveRange(
  request: RangeRequest,
  sink: RangeSink,
): Promise<'received' | RequestFailed> {
  for (const asksRange of [true, false]) {
    const ask = { ...request, asksRange };
    const bySocket = await getBySocket(ask, sink);
    const outcome = bySocket === 'declined' ? await getByClient(ask, sink) : bySocket;
    if (outcome === 'received' || outcome.kind !== 'unfit') return outcome;
  }
  throw new InternalError('everything was unfit');
}

/** By Node's HTTP client, which knows all that servers and proxies may do. */
async function getByClient(
  ask: RangeAsk,
  sink: RangeSink,
): Promise<'received' | RequestFailed | { kind: 'unfit' }> {
  const { url, signal, stallTimeoutMs } = ask;
  const response = await getSignedUrl(url, { headers: headersOf(ask), signal, stallTimeoutMs });
  try {
    const body = judgeRange(response, ask);
    if (body.kind !== 'body') return body;
    sink.onBody(body);
    let received = 0;
    for await (const chunk of addAbortSignal(signal, response) as AsyncIterable<Buffer>) {
      received += chunk.length;
      await putInto(sink, chunk);
    }
    if (body.bytes !== undefined && received !== body.bytes) throw toCutError(url, received, body.bytes);
    return 'received';
  } finally {
    response.destroy();
  }
}
