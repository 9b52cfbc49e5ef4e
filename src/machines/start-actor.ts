import { Actor, type AnyActorLogic, type InputFrom } from 'xstate';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';

export interface StartActorOptions<Logic extends AnyActorLogic> {
  input: InputFrom<Logic>;
  clock: Clock;
  logger: Logger;
}

/**
 * Starts a root actor. The error observer comes before the start: without one, an actor that ends in error would take the
 * process down. Its status `error` means a bug, so it is logged as one.
 */
export function startActor<Logic extends AnyActorLogic>(
  logic: Logic,
  options: StartActorOptions<Logic>,
): Actor<Logic> {
  const { input, clock, logger } = options;
  const actor = new Actor(logic, { input, clock });
  actor.subscribe({
    error: (error) => logger.error(`actor ${actor.id} crashed`, { error: String(error) }),
  });
  return actor.start();
}
