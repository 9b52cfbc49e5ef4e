import { fromCallback } from 'xstate';
import type { Clock } from '../core/clock.ts';

/**
 * A wait on a clock of its own choice, told by `pause.over`. XState's `after` uses the clock of the whole actor system,
 * which must keep the process alive; a heartbeat must not.
 */
export const pauseActor = fromCallback<{ type: 'pause.over' }, { clock: Clock; milliseconds: number }>(
  ({ input, sendBack }) => {
    const timer = input.clock.setTimeout(() => sendBack({ type: 'pause.over' }), input.milliseconds);
    return () => input.clock.clearTimeout(timer);
  },
);
