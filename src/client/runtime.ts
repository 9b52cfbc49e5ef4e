import type { ByteBudget } from '../core/byte-budget.ts';
import type { Emitter } from '../core/emitter.ts';
import type { ApiClient } from '../http/api-client.ts';
import type { Transport } from '../http/transport.ts';
import type { ServiceEvents } from '../types/events.ts';
import type { ClientConfig } from '../types/service.ts';
import type { BillingPause } from './billing-pause.ts';
import type { DispatchGate } from './sampling/dispatch-gate.ts';
import type { Tokenizers } from './tokenizers.ts';
import type { WireFormat } from './training/wire-format.ts';

/** What all clients of one service share. */
export interface ServiceRuntime {
  readonly api: ApiClient;
  readonly transport: Transport;
  readonly config: ClientConfig;
  readonly wireFormat: WireFormat;
  readonly billing: BillingPause;
  /** Bytes of forward_backward bodies that may be in submission at once. */
  readonly requestBytes: ByteBudget;
  /** Bytes of large results that may be on their way at once. */
  readonly responseBytes: ByteBudget;
  readonly gate: DispatchGate;
  /** The merged stream of the service. */
  readonly emitter: Emitter<ServiceEvents>;
  readonly counters: SequenceCounters;
  readonly tokenizers: Tokenizers;
}

/** Ids that the client numbers, from 0; ephemeral saves and sampling sessions draw from one counter (wire-protocol 6.7). */
export class SequenceCounters {
  #model = 0;
  #samplingSession = 0;

  nextModelSeqId(): number {
    return this.#model++;
  }

  nextSamplingSessionSeqId(): number {
    return this.#samplingSession++;
  }
}
