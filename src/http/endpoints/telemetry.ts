import { telemetryRetries } from '../../core/retry-policy.ts';
import type { TelemetryRequest } from '../../types/telemetry.ts';
import type { ApiClient } from '../api-client.ts';

/** One batch of events. What the server answers beside its status does not matter. */
export async function sendTelemetry(
  api: ApiClient,
  json: TelemetryRequest,
  signal: AbortSignal,
): Promise<void> {
  await api.send(
    { method: 'POST', path: '/telemetry', json, retries: telemetryRetries, requestTimeoutMs: 5000 },
    { signal },
  );
}
