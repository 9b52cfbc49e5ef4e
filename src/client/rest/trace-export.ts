import { delay } from '../../core/clock.ts';
import { withDeadline } from '../../core/deadline.ts';
import { InvalidResponseError, RequestFailedError } from '../../core/errors.ts';
import type { ApiClient } from '../../http/api-client.ts';
import { getTraceExport } from '../../http/endpoints/sessions.ts';
import type { RequestOptions } from '../../types/options.ts';

const pollMs = 5000;

/** Asks every five seconds until the trace is there, however long that takes unless the caller sets a deadline. */
export function waitForTrace(
  api: ApiClient,
  sessionId: string,
  options: RequestOptions,
): Promise<{ url: string }> {
  const { clock } = api.connection;
  return withDeadline(`the trace of ${sessionId}`, options, clock, async (signal) => {
    for (;;) {
      const answer = await getTraceExport(api, sessionId, { ...options, timeoutMs: undefined, signal });
      if (answer.status === 'failed') {
        const reason = answer.error ?? 'the server does not say why';
        throw new RequestFailedError(`the trace of ${sessionId} was not exported: ${reason}`, 'unknown');
      }
      if (answer.status === 'ready') {
        if (answer.url) return { url: answer.url };
        throw new InvalidResponseError('the trace is said to be ready, and has no url');
      }
      await delay(pollMs, clock, signal);
    }
  });
}

/** The trace itself; the deadline is that of waiting and fetching together. */
export function fetchTrace(api: ApiClient, sessionId: string, options: RequestOptions): Promise<Uint8Array> {
  return withDeadline(`the trace of ${sessionId}`, options, api.connection.clock, async (signal) => {
    const sending = { ...options, timeoutMs: undefined, signal };
    const { url } = await waitForTrace(api, sessionId, sending);
    return api.fetchSigned(url, sending);
  });
}
