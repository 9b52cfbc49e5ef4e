import type { ActorRefFrom } from 'xstate';
import type { SamplingPorts, TrainingPorts } from './ports.ts';
import type { restMachine } from './rest.machine.ts';
import type { samplingMachine } from './sampling.machine.ts';
import type { trainingMachine } from './training.machine.ts';

export type TrainingRef = ActorRefFrom<typeof trainingMachine>;
export type SamplingRef = ActorRefFrom<typeof samplingMachine>;
export type RestRef = ActorRefFrom<typeof restMachine>;

/** A client that the service is to spawn. Ports of clients that live in a session are made when its id is known. */
export type ClientRequest =
  | { kind: 'training'; id: string; toPorts(sessionId: string): TrainingPorts }
  /** With `sessionId` it lives in a session that another process has, and needs none of this service. */
  | {
      kind: 'sampling';
      id: string;
      sessionId?: string | undefined;
      toPorts(sessionId: string): SamplingPorts;
    }
  | { kind: 'rest'; id: string };

export function needsNoSession(request: ClientRequest): boolean {
  return request.kind === 'rest' || (request.kind === 'sampling' && request.sessionId !== undefined);
}
