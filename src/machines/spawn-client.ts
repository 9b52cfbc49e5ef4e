import type { ActorRefFrom, AnyActorRef } from 'xstate';
import { InternalError } from '../core/errors.ts';
import { reach } from './bridge.ts';
import type { ClientRequest, RestRef, SamplingRef, TrainingRef } from './client-request.ts';
import type { serviceMachine } from './service.machine.ts';

export type ServiceRef = ActorRefFrom<typeof serviceMachine>;

interface RefByKind {
  training: TrainingRef;
  sampling: SamplingRef;
  rest: RestRef;
}

/**
 * Has the service spawn a client and waits until it accepts work. Rejects with the error that it ended with, or with the
 * reason of `signal`, which also takes it back.
 */
export async function spawnClient<Kind extends ClientRequest['kind']>(
  service: ServiceRef,
  request: Extract<ClientRequest, { kind: Kind }>,
  signal: AbortSignal | undefined,
): Promise<RefByKind[Kind]> {
  const { id } = request;
  signal?.throwIfAborted();
  // Rejects with the service's own end when it has ended.
  await reach(service, ({ status }) => status === 'active', { signal });
  service.send({ type: 'client.create', request });
  try {
    // A client that needs a session is spawned when that is there.
    const { children, context } = await reach(
      service,
      (snapshot) => snapshot.children[id] !== undefined || snapshot.context.rejections.has(id),
      { signal },
    );
    const rejection = context.rejections.get(id);
    if (rejection !== undefined) {
      context.rejections.delete(id);
      throw rejection;
    }
    const client: AnyActorRef | undefined = children[id];
    if (client === undefined) throw new InternalError(`${id} was not spawned`);
    await reach(client, (snapshot) => snapshot.hasTag('accepting'), { signal });
    return client as RefByKind[Kind];
  } catch (error) {
    if (signal?.aborted) {
      service.send({ type: 'client.forget', id });
      const child: AnyActorRef | undefined = service.getSnapshot().children[id];
      child?.send({ type: 'close', deadlineMs: 0 });
    }
    throw error;
  }
}
