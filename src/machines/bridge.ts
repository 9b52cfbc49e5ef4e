import type { AnyActorRef, OutputFrom, SnapshotFrom } from 'xstate';
import { ClientClosedError, InternalError } from '../core/errors.ts';

/** The only way from actors to promises: XState's own helpers hang, or resolve with nothing, when an actor is stopped. */

interface BridgeOptions {
  /** Stops waiting, with the signal's reason; the actor goes on. */
  signal?: AbortSignal | undefined;
}

/** The output of the actor's final state. Rejects when it crashes, or is stopped (ClientClosedError). */
export function outcomeOf<Ref extends AnyActorRef>(
  actor: Ref,
  options: BridgeOptions = {},
): Promise<OutputFrom<Ref>> {
  return settle(actor, options, () => undefined);
}

/** Resolves with the first snapshot that satisfies `predicate`. Rejects when the actor ends before, with its error. */
export function reach<Ref extends AnyActorRef>(
  actor: Ref,
  predicate: (snapshot: SnapshotFrom<Ref>) => boolean,
  options: BridgeOptions = {},
): Promise<SnapshotFrom<Ref>> {
  return settle(actor, options, (snapshot) => (predicate(snapshot) ? { value: snapshot } : undefined), true);
}

function settle<Value>(
  actor: AnyActorRef,
  { signal }: BridgeOptions,
  check: (snapshot: SnapshotFrom<AnyActorRef>) => { value: Value } | undefined,
  endIsFailure = false,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const settled = (): boolean => {
      const snapshot = actor.getSnapshot();
      const found = check(snapshot);
      if (found !== undefined) {
        resolve(found.value);
      } else if (snapshot.status === 'done') {
        if (endIsFailure) reject(endedWith(actor, snapshot.output));
        else resolve(snapshot.output);
      } else if (snapshot.status === 'error') {
        reject(new InternalError(`actor ${actor.id} crashed`, { cause: snapshot.error }));
      } else if (snapshot.status === 'stopped') {
        reject(new ClientClosedError(`${actor.id} was stopped`));
      } else {
        return false;
      }
      return true;
    };
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    if (settled()) return;
    const finish = (): void => {
      subscription.unsubscribe();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      finish();
      reject(signal?.reason);
    };
    const onChange = (): void => {
      if (settled()) finish();
    };
    const subscription = actor.subscribe({ next: onChange, error: onChange, complete: onChange });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The error that a final state's output carries, or what to say when it ended without one. */
function endedWith(actor: AnyActorRef, output: unknown): unknown {
  if (typeof output === 'object' && output !== null && 'error' in output && output.error !== undefined)
    return output.error;
  return new ClientClosedError(`${actor.id} was closed`);
}
