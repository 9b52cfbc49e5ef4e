import { delay, toBackground } from '../../core/clock.ts';
import type { ApiClient } from '../../http/api-client.ts';
import { sendHeartbeat } from '../../http/endpoints/sessions.ts';
import { ApiError } from '../../core/api-errors.ts';

const everyMs = 10_000;

/** Keeps the session of a copied client alive until the signal aborts or the server says that it is over. */
export async function keepAlive(api: ApiClient, sessionId: string, signal: AbortSignal): Promise<void> {
  const clock = toBackground(api.connection.clock);
  while (!signal.aborted) {
    try {
      await sendHeartbeat(api, sessionId, { signal });
    } catch (error) {
      // The samples of an ended session tell it to whoever asks for them; a beat that is lost is followed by others.
      if (error instanceof ApiError && error.status === 410) return;
    }
    await delay(everyMs, clock, signal).catch(() => undefined);
  }
}
