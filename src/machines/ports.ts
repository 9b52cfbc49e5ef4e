import type { Clock } from '../core/clock.ts';
import type { Outcome } from '../types/outcome.ts';
import type { ClientConfig, DynamicConfig } from '../types/service.ts';
import type { FinishReason } from '../types/sessions.ts';
import type { GetInfoResponse } from '../types/training.ts';

/** The effects that machines ask for. They are given as input, so a machine can be run without a network. */

export interface SessionPorts {
  /** Creates the session on the server; its id. */
  create(signal: AbortSignal): Promise<Outcome<string>>;
  /** One heartbeat. `gone`: the session is finished or expired there. */
  beat(
    sessionId: string,
    signal: AbortSignal,
  ): Promise<{ kind: 'ok' } | { kind: 'gone' } | { kind: 'failed'; error: Error }>;
  /** Ends the session; best effort, never rejects. */
  finish(sessionId: string, ending: SessionEnding, signal: AbortSignal): Promise<void>;
  /** Its timers do not keep the process alive. */
  backgroundClock: Clock;
}

export interface SessionEnding {
  status: FinishReason;
  detail: string | null;
}

export interface ServicePorts extends SessionPorts {
  loadConfig(signal: AbortSignal): Promise<Outcome<ServiceConfig>>;
  /** The flags that may change, anew. */
  refreshConfig(signal: AbortSignal): Promise<Outcome<DynamicConfig>>;
}

export interface ServiceConfig {
  config: ClientConfig;
  dynamicConfig: DynamicConfig;
}

export interface TrainingPorts {
  /** Creates the model, or loads it from a state, and asks for its facts. */
  createModel(signal: AbortSignal): Promise<Outcome<CreatedModel>>;
}

export interface CreatedModel {
  info: GetInfoResponse;
  /** The sequence id of its next request: 1, or more where its making has taken some. */
  nextSeqId: number;
}

export interface SamplingPorts {
  /** Creates the sampling session, or takes the one it was given. */
  createSampler(signal: AbortSignal): Promise<Outcome<SamplerFacts>>;
  /** Resolves when no sample of this client is under way. */
  whenIdle(signal: AbortSignal): Promise<void>;
  /** Fails whatever is still under way. */
  abort(error: Error): void;
}

export interface SamplerFacts {
  sampling_session_id: string;
  base_model: string | null;
}
