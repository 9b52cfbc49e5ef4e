import { Budget } from '../core/budget.ts';
import type { Connection } from '../core/config.ts';
import type { Emitter } from '../core/emitter.ts';
import type { ServiceEvents } from '../types/events.ts';
import type { ClientConfig } from '../types/service.ts';
import { BillingPause } from './billing-pause.ts';
import type { ServiceRuntime } from './runtime.ts';
import { DispatchGate } from './sampling/dispatch-gate.ts';

/** What keeps all clients of a service within the limits that the server has set; every wait that comes of it is told. */
export function createLimits(
  { clock, logger }: Connection,
  config: ClientConfig,
  emitter: Emitter<ServiceEvents>,
): Pick<ServiceRuntime, 'billing' | 'requestBytes' | 'responseBytes' | 'gate'> {
  return {
    billing: new BillingPause({
      clock,
      maxPauseMs: config.billing_exception_max_pause_duration_sec * 1000,
      onPause: (pausedMs) => {
        logger.warn('paused: the server answers 402, check that billing is set up', { pausedMs });
        emitter.emit('billing.paused', { pausedMs });
      },
    }),
    requestBytes: new Budget(config.fwdbwd_dispatch_bytes_semaphore_size),
    responseBytes: new Budget(config.inflight_response_bytes_semaphore_size),
    gate: new DispatchGate({
      clock,
      sizeBytes: config.sample_dispatch_bytes_semaphore_size,
      onChange: (change) => {
        if (change.waitMs > 0)
          logger.info(`the server asks to slow down: samples wait for ${change.waitMs} ms`);
        emitter.emit('sampling.throttled', change);
      },
    }),
  };
}
