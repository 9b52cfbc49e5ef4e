import type { Emitter, EventMap } from '../core/emitter.ts';

/** Anything that emits what a machine emits: events whose `type` names them. */
interface EmittingActor<Emitted extends { type: string }> {
  on(type: '*', handler: (event: Emitted) => void): { unsubscribe(): void };
}

type EmittedOf<Events extends EventMap> = {
  [Name in keyof Events & string]: { type: Name } & Events[Name];
}[keyof Events & string];

/** Forwards what an actor emits to the emitter that users listen to. */
export function relay<Events extends EventMap>(
  actor: EmittingActor<EmittedOf<Events>>,
  emitter: Pick<Emitter<Events>, 'emit'>,
): void {
  actor.on('*', ({ type, ...payload }) => {
    emitter.emit(type, payload as never);
  });
}
