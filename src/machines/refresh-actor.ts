import { fromCallback } from 'xstate';
import { delay } from '../core/clock.ts';
import type { DynamicConfig } from '../types/service.ts';
import type { ServiceConfig, ServicePorts } from './ports.ts';

export interface RefreshNotice {
  type: 'config.refreshed';
  dynamicConfig: DynamicConfig;
}

export interface RefreshInput {
  ports: Pick<ServicePorts, 'refreshConfig' | 'backgroundClock'>;
  /** What the server said last. */
  config: ServiceConfig | undefined;
}

const leastSeconds = 10;
/** Timers take no more. */
const mostMs = 2 ** 31 - 1;

/** Asks for the flags that may change, in the rhythm that the flags themselves say, and tells them; a failure changes nothing. */
export const refreshActor = fromCallback<{ type: 'none' }, RefreshInput>(({ input, sendBack }) => {
  const { ports, config } = input;
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async (): Promise<void> => {
    let intervalSeconds = config?.dynamicConfig.refresh_interval_sec ?? leastSeconds;
    for (;;) {
      await delay(
        Math.min(Math.max(intervalSeconds, leastSeconds) * 1000, mostMs),
        ports.backgroundClock,
        signal,
      );
      const outcome = await ports.refreshConfig(signal);
      signal.throwIfAborted();
      if (outcome.kind !== 'ok') continue;
      intervalSeconds = outcome.value.refresh_interval_sec;
      sendBack({ type: 'config.refreshed', dynamicConfig: outcome.value } satisfies RefreshNotice);
    }
  };
  // It ends by being stopped: ports do not reject.
  run().catch(() => undefined);
  return () => stopping.abort();
});
