import type { AnyActorRef } from 'xstate';
import { outcomeOf } from './bridge.ts';

/** What the facade of a client needs of its actor: whether it takes work, and its end. */
export interface ClientLife {
  readonly isOpen: boolean;
  /**
   * Lets what is under way finish, for at most `deadlineMs` (30 s by default), then ends it. Resolves when the client has
   * ended; a second call gives the same promise.
   */
  close(options?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  deadlineMs?: number | undefined;
}

const defaultCloseDeadlineMs = 30_000;

export function createLife(actor: AnyActorRef, extra: object = {}): ClientLife {
  let closed: Promise<void> | undefined;
  return {
    get isOpen() {
      const snapshot = actor.getSnapshot();
      return snapshot.status === 'active' && snapshot.hasTag('accepting');
    },
    close({ deadlineMs = defaultCloseDeadlineMs } = {}) {
      closed ??= (async () => {
        actor.send({ type: 'close', deadlineMs, ...extra });
        // However it ended, it has ended: its error belongs to the calls that it failed.
        await outcomeOf(actor).catch(() => undefined);
      })();
      return closed;
    },
  };
}
