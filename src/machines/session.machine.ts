import { assign, enqueueActions, fromPromise, setup, type ActorRef, type Snapshot } from 'xstate';
import { InternalError, SessionLostError } from '../core/errors.ts';
import { pauseActor } from './pause-actor.ts';
import type { SessionEnding, SessionPorts } from './ports.ts';

/** What a session tells the service that started it. */
export type SessionNotice =
  | { type: 'session.ready'; session_id: string }
  | { type: 'session.degraded'; silentMs: number; error: string }
  | { type: 'session.recovered'; silentMs: number };

export interface SessionInput {
  ports: SessionPorts;
  /** The service that is told. */
  parent: ActorRef<Snapshot<unknown>, SessionNotice>;
}

export interface SessionContext extends SessionInput {
  sessionId: string;
  /** When the server last answered a heartbeat, in milliseconds of the ports' clock. */
  lastBeatAt: number;
  degraded: boolean;
  ending: SessionEnding;
  error: Error;
}

type SessionEvent = { type: 'close'; ending: SessionEnding } | { type: 'pause.over' };

export type SessionOutput = { status: 'closed' } | { status: 'lost' | 'failed'; error: Error };

export interface PortCall {
  ports: SessionPorts;
  sessionId: string;
}

const heartbeatEveryMs = 10_000;
/** Silence after which a warning is due. Like the official client, the session itself goes on (wire-protocol 8). */
const warnAfterMs = 120_000;

/** One session on the server: created, kept alive by heartbeats, finished on close; lost when the server says it is gone. */
export const sessionMachine = setup({
  types: {
    input: {} as SessionInput,
    context: {} as SessionContext,
    events: {} as SessionEvent,
    output: {} as SessionOutput,
  },
  delays: { finishLimit: 5000 },
  actors: {
    create: fromPromise(({ input, signal }: { input: SessionPorts; signal: AbortSignal }) =>
      input.create(signal),
    ),
    beat: fromPromise(({ input, signal }: { input: PortCall; signal: AbortSignal }) =>
      input.ports.beat(input.sessionId, signal),
    ),
    finish: fromPromise(
      ({ input, signal }: { input: PortCall & { ending: SessionEnding }; signal: AbortSignal }) =>
        input.ports.finish(input.sessionId, input.ending, signal),
    ),
    pause: pauseActor,
  },
  actions: {
    keepEnding: assign(({ event, context }) => ({
      ending: event.type === 'close' ? event.ending : context.ending,
    })),
    noteBeat: assign(({ context }) => ({ lastBeatAt: context.ports.backgroundClock.now(), degraded: false })),
    tellReady: enqueueActions(({ context, enqueue }) => {
      enqueue.sendTo(context.parent, { type: 'session.ready', session_id: context.sessionId });
    }),
    tellRecovered: enqueueActions(({ context, enqueue }) => {
      if (!context.degraded) return;
      enqueue.sendTo(context.parent, { type: 'session.recovered', silentMs: silentMs(context) });
    }),
    tellDegraded: enqueueActions(({ context, enqueue }, { error }: { error: string }) => {
      enqueue.sendTo(context.parent, { type: 'session.degraded', silentMs: silentMs(context), error });
    }),
    keepBug: assign({
      error: ({ event }) => ('error' in event ? (event.error as Error) : new Error('unknown')),
    }),
  },
}).createMachine({
  id: 'session',
  context: ({ input }) => ({
    ...input,
    sessionId: '',
    lastBeatAt: 0,
    degraded: false,
    ending: { status: 'success', detail: null },
    error: new Error('the session has not failed'),
  }),
  initial: 'creating',
  states: {
    creating: {
      invoke: {
        id: 'create',
        src: 'create',
        input: ({ context }) => context.ports,
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'ok',
            target: 'alive',
            actions: [
              assign(({ event }) => (event.output.kind === 'ok' ? { sessionId: event.output.value } : {})),
              'noteBeat',
              'tellReady',
            ],
          },
          {
            target: 'failed',
            actions: assign(({ event }) =>
              event.output.kind === 'failed' ? { error: event.output.error } : {},
            ),
          },
        ],
        onError: { target: 'failed', actions: 'keepBug' },
      },
      on: { close: 'closed' },
    },
    alive: {
      on: { close: { target: 'finishing', actions: 'keepEnding' } },
      initial: 'waiting',
      states: {
        waiting: {
          invoke: {
            id: 'pause',
            src: 'pause',
            input: ({ context }) => ({
              clock: context.ports.backgroundClock,
              milliseconds: heartbeatEveryMs,
            }),
          },
          on: { 'pause.over': 'beating' },
        },
        beating: {
          invoke: {
            id: 'beat',
            src: 'beat',
            input: ({ context }) => context,
            onDone: [
              {
                guard: ({ event }) => event.output.kind === 'ok',
                target: 'waiting',
                actions: ['tellRecovered', 'noteBeat'],
              },
              {
                guard: ({ event }) => event.output.kind === 'gone',
                target: '#session.lost',
                actions: assign(({ context }) => ({ error: toLostError(context.sessionId) })),
              },
              {
                guard: ({ context }) => !context.degraded && silentMs(context) >= warnAfterMs,
                target: 'waiting',
                actions: [
                  assign({ degraded: true }),
                  {
                    type: 'tellDegraded',
                    params: ({ event }) => ({
                      error: event.output.kind === 'failed' ? event.output.error.message : 'no answer',
                    }),
                  },
                ],
              },
              { target: 'waiting' },
            ],
            onError: { target: '#session.failed', actions: 'keepBug' },
          },
        },
      },
    },
    finishing: {
      invoke: {
        id: 'finish',
        src: 'finish',
        input: ({ context }) => context,
        onDone: 'closed',
        onError: 'closed',
      },
      after: { finishLimit: 'closed' },
    },
    closed: { type: 'final', output: { status: 'closed' } },
    lost: { type: 'final', output: ({ context }) => ({ status: 'lost', error: context.error }) },
    failed: { type: 'final', output: ({ context }) => ({ status: 'failed', error: context.error }) },
  },
  output: ({ event }) => event.output as SessionOutput,
});

function silentMs({ ports, lastBeatAt }: SessionContext): number {
  return ports.backgroundClock.now() - lastBeatAt;
}

function toLostError(sessionId: string): SessionLostError {
  return new SessionLostError(`session ${sessionId} is gone on the server: finished elsewhere, or expired`);
}

/** Why a session ended: its own output, or that it crashed. */
export function toSessionError(event: { type: string }, otherwise: Error): Error {
  if ('error' in event && event.type.startsWith('xstate.error')) {
    return new InternalError('the session actor crashed', { cause: event.error });
  }
  const output = 'output' in event ? (event.output as SessionOutput | undefined) : undefined;
  return output !== undefined && 'error' in output ? output.error : otherwise;
}
