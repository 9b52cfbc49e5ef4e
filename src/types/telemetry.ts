export type TelemetrySeverity = 'INFO' | 'WARNING' | 'ERROR';

/** What all events carry; `event_session_index` counts them from 0. */
export interface TelemetryEventBase {
  event_id: string;
  event_session_index: number;
  severity: TelemetrySeverity;
  /** UTC, with microseconds and `Z`. */
  timestamp: string;
}

/** What happened: kind and facts, never a key, a prompt or a body (wire-protocol 9.2). */
export type TelemetryFacts =
  | { event: 'SESSION_START' }
  | { event: 'GENERIC_EVENT'; event_name: string; event_data: Readonly<Record<string, unknown>> }
  | { event: 'UNHANDLED_EXCEPTION'; error_type: string; error_message: string };

export type TelemetryEvent = TelemetryFacts & TelemetryEventBase;

export interface TelemetryRequest {
  events: readonly TelemetryEvent[];
  platform: string;
  sdk_version: string;
  session_id: string;
  process_uuid: string;
}
