import type { ApiClient } from '../http/api-client.ts';
import type { Transport } from '../http/transport.ts';
import type { ClientConfig } from '../types/service.ts';
import type { Tokenizers } from './tokenizers.ts';
import type { WireFormat } from './training/submit-chunks.ts';

/** What all clients of one service share. */
export interface ServiceRuntime {
  readonly api: ApiClient;
  readonly transport: Transport;
  readonly config: ClientConfig;
  readonly wireFormat: WireFormat;
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
