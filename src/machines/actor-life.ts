import type { AnyActorRef } from 'xstate';
import { ClientClosedError } from '../core/errors.ts';
import type { ClientLife } from '../types/client-life.ts';
import { outcomeOf } from './bridge.ts';

const defaultCloseDeadlineMs = 30_000;

/** The life of a client as its actor leads it. `extra` goes with the message that closes it. */
export function createLife(actor: AnyActorRef, extra: object = {}): ClientLife {
  let closed: Promise<void> | undefined;
  return {
    get isOpen() {
      const snapshot = actor.getSnapshot();
      return snapshot.status === 'active' && snapshot.hasTag('accepting');
    },
    get failure() {
      const { output }: { output: unknown } = actor.getSnapshot();
      const error =
        typeof output === 'object' && output !== null && 'error' in output ? output.error : undefined;
      return error instanceof Error ? error : undefined;
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

/** Aborts when the actor has ended, for calls that it does not know of. */
export function signalOfEnd(actor: AnyActorRef, what: string): AbortSignal {
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(new ClientClosedError(`${what} was closed before this call was answered`));
  outcomeOf(actor).then(abort, abort);
  return controller.signal;
}
