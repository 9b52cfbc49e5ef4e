import type { EventSource } from '../core/emitter.ts';
import type { Logger } from '../core/logger.ts';
import type { ServiceEvents } from '../types/events.ts';

/** A line in the log for each event that a person should hear of, at the level that it deserves. */
export function logEvents(events: Pick<EventSource<ServiceEvents>, 'on'>, logger: Logger): void {
  events.on('status.changed', ({ status }) => logger.debug(`service ${status}`));
  events.on('session.started', ({ session_id }) => logger.debug(`session ${session_id} started`));
  events.on('session.degraded', ({ silentMs, error }) =>
    logger.warn(
      `no heartbeat was answered for ${toSeconds(silentMs)} s: the server may end the session (${error})`,
    ),
  );
  events.on('session.recovered', ({ silentMs }) =>
    logger.info(`heartbeats are answered again, after ${toSeconds(silentMs)} s`),
  );
  events.on('session.lost', ({ error }) => logger.error(`the session is lost: ${error}`));
  events.on('client.crashed', ({ kind, id, error }) =>
    logger.error(`${kind} client ${id} crashed: ${error}`),
  );
}

function toSeconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}
