import type { Budget } from '../core/budget.ts';
import type { Emitter } from '../core/emitter.ts';
import type { StartSpan } from '../core/tracing.ts';
import type { ApiClient } from '../http/api-client.ts';
import type { Authenticator } from '../http/auth/authenticator.ts';
import type { Transport } from '../http/transport.ts';
import type { ServiceEvents } from '../types/events.ts';
import type { ClientConfig, DynamicConfig } from '../types/service.ts';
import type { BillingPause } from './billing-pause.ts';
import type { DispatchGate } from './sampling/dispatch-gate.ts';
import type { Tokenizers } from './tokenizers.ts';
import type { WireFormat } from './training/wire-format.ts';

/** What all clients of one service share. */
export interface ServiceRuntime {
  readonly api: ApiClient;
  readonly authenticator: Authenticator;
  readonly transport: Transport;
  readonly config: ClientConfig;
  /** The flags as the server last told them; they change while the service is open. */
  readonly dynamicConfig: DynamicConfig;
  /** The project of the session, by option or environment. */
  readonly projectId: string | undefined;
  readonly wireFormat: WireFormat;
  readonly billing: BillingPause;
  /** Bytes of forward_backward bodies that may be in submission at once. */
  readonly requestBytes: Budget;
  /** Bytes of large results that may be on their way at once. */
  readonly responseBytes: Budget;
  readonly gate: DispatchGate;
  /** The merged stream of the service. */
  readonly emitter: Emitter<ServiceEvents>;
  readonly startSpan: StartSpan;
  readonly counters: SequenceCounters;
  readonly tokenizers: Tokenizers;
  /**
   * Tells telemetry that a call of `what` has failed for good; requests of ApiClient do that by themselves. Never throws, and
   * the same error counts once.
   */
  readonly reportFailure: (error: unknown, what: string) => void;
}

/** Ids that the client numbers, from 0; ephemeral saves and sampling sessions draw from one counter (wire-protocol 6.7). */
export class SequenceCounters {
  #model = 0;
  #samplingSession = 0;
  #customLoss = 0;

  nextModelSeqId(): number {
    return this.#model++;
  }

  nextSamplingSessionSeqId(): number {
    return this.#samplingSession++;
  }

  nextCustomLossSeqId(): number {
    return this.#customLoss++;
  }
}
