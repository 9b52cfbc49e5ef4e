import type { DownloadManagerEvents } from './downloads.ts';
import type { QueueState } from './futures.ts';

export type ServiceStatus = 'connecting' | 'open' | 'draining' | 'closed' | 'failed';
export type ClientKind = 'training' | 'sampling' | 'rest';

/** Where a request stands in the server's queue, and the server's reason when it is not simply active. */
export interface QueueChanged {
  request_id: string;
  queue_state: QueueState;
  queue_state_reason: string | null;
}

/** A request that failed in a passing way is sent again after `delayMs`. */
export interface RetryScheduled {
  /** Method and path, the result that is asked for, or the download: `POST /api/v1/create_model`, `the result of Sample`. */
  what: string;
  /** 1 for the first retry. */
  attempt: number;
  delayMs: number;
  reason: string;
}

/** A word of the server to the user, told when the session is made. */
export interface ServerMessage {
  level: 'info' | 'warning' | 'error';
  text: string;
}

/** The server announced that something this program uses will go away; `error` when soon. */
export interface DeprecationNoted {
  note: string;
  level: 'warning' | 'error';
}

/** What the clients of a service tell, each event with the id of the client that it comes from. */
export type ClientEvents = {
  [Name in keyof (TrainingEvents & SamplingEvents)]: (TrainingEvents & SamplingEvents)[Name] & {
    client: string;
  };
};

/** What a service tells itself. */
export interface OwnServiceEvents {
  'status.changed': { status: ServiceStatus };
  'session.started': { session_id: string };
  /** No heartbeat has been answered for `silentMs`; the session may end on the server. */
  'session.degraded': { silentMs: number; error: string };
  'session.recovered': { silentMs: number };
  'session.lost': { error: string };
  'client.created': { kind: ClientKind; id: string };
  'client.closed': { kind: ClientKind; id: string };
  /** A bug of ours ended one client; the others go on. */
  'client.crashed': { kind: ClientKind; id: string; error: string };
  'retry.scheduled': RetryScheduled;
  'server.message': ServerMessage;
  /** Once for each note. */
  'deprecation.noted': DeprecationNoted;
  /** The server answered 402: requests are repeated every few seconds until billing is in order. */
  'billing.paused': { pausedMs: number };
  /** The server asked to slow down (429): samples wait for `waitMs`, then `concurrency` submissions go out at once. */
  'sampling.throttled': { waitMs: number; concurrency: number };
}

/** One stream for everything: the service's own events, those of its clients, and those of its downloads. */
export interface ServiceEvents
  extends OwnServiceEvents, ClientEvents, Omit<DownloadManagerEvents, 'retry.scheduled'> {}

export interface TrainingEvents {
  /** The server has accepted a call, which took `width` sequence ids from `seq_id` on. */
  'turn.submitted': { method: string; seq_id: number; width: number };
  'turn.completed': { method: string; seq_id: number };
  'turn.failed': { method: string; seq_id: number | null; error: string };
  'queue.changed': QueueChanged;
  'checkpoint.saved': { path: string };
}

export interface SamplingEvents {
  'sample.completed': { request_id: string };
  'sample.failed': { error: string };
  'queue.changed': QueueChanged;
  /** An attempt was lost and begins anew, with a new sequence id, after `delayMs`. */
  'sample.retried': { attempt: number; delayMs: number; reason: string };
}
