import {
  assign,
  emit,
  enqueueActions,
  fromCallback,
  fromPromise,
  setup,
  type DoneActorEvent,
  type ErrorActorEvent,
  type EventObject,
} from 'xstate';
import { ClientClosedError } from '../core/errors.ts';
import type { TrainingEvents } from '../types/events.ts';
import type { GetInfoResponse } from '../types/training.ts';
import type { TrainingPorts } from './ports.ts';
import { TurnQueue, type Turn, type TurnEnd, type TurnPlace } from './turn-queue.ts';

export interface TrainingInput {
  ports: TrainingPorts;
}

export interface TrainingContext {
  ports: TrainingPorts;
  queue: TurnQueue;
  info: GetInfoResponse | undefined;
  /** The next sequence id; taken when a turn is sent, so that a cancelled one leaves no gap. */
  nextSeqId: number;
  /** Why unsettled turns fail when the client ends. */
  leftoverError: Error;
  closing: boolean;
  closeDeadlineMs: number;
}

type TrainingEvent =
  | { type: 'turn.enqueue'; turn: Turn }
  /** Takes a waiting turn out of the line; one that was sent goes on. */
  | { type: 'turn.remove'; turn: Turn }
  | { type: 'close'; deadlineMs: number }
  | { type: 'session.lost'; error: Error }
  | DoneActorEvent
  | ErrorActorEvent;

type Emitted = {
  [Name in keyof TrainingEvents]: { type: Name } & TrainingEvents[Name];
}[keyof TrainingEvents];

export type TrainingOutput = { status: 'closed' } | { status: 'failed'; error: Error };

/**
 * One model in training. Calls are sent one after the other in call order, each with the next sequence ids; their results
 * are awaited side by side, so a call never waits for the result of the one before it. A call that fails takes its ids
 * with it and never holds up the line.
 */
export const trainingMachine = setup({
  types: {
    input: {} as TrainingInput,
    context: {} as TrainingContext,
    events: {} as TrainingEvent,
    emitted: {} as Emitted,
    output: {} as TrainingOutput,
    tags: {} as 'accepting',
  },
  delays: { closeDeadline: ({ context }) => context.closeDeadlineMs, billingRetry: 5000 },
  actors: {
    createModel: fromPromise(({ input, signal }: { input: TrainingPorts; signal: AbortSignal }) =>
      input.createModel(signal),
    ),
    submit: fromPromise(
      ({ input, signal }: { input: { turn: Turn; place: TurnPlace }; signal: AbortSignal }) =>
        input.turn.submit(input.place, signal),
    ),
    retrieve: fromPromise(
      async ({
        input,
        signal,
      }: {
        input: { turn: Turn; seq_id: number };
        signal: AbortSignal;
      }): Promise<Retrieved> => ({
        ...input,
        end: await input.turn.retrieve(signal),
      }),
    ),
    // Teardown runs on every way out, a stop from outside and a crash included; exit actions would not.
    leftovers: fromCallback<EventObject, TrainingContext>(
      ({ input }) =>
        () =>
          input.queue.failAll(input.leftoverError),
    ),
  },
  actions: {
    enqueue: ({ context, event }) => {
      if (event.type === 'turn.enqueue') context.queue.push(event.turn);
    },
    remove: ({ context, event }) => {
      if (event.type === 'turn.remove' && context.queue.head !== event.turn) context.queue.remove(event.turn);
    },
    startClosing: assign(({ event }) =>
      event.type === 'close' ? { closing: true, closeDeadlineMs: event.deadlineMs } : {},
    ),
    failLeftovers: ({ context }, params: { error: Error }) => context.queue.failAll(params.error),
    advance: assign(({ context }, { takenCount }: { takenCount: number }) => {
      context.queue.dropHead();
      return { nextSeqId: context.nextSeqId + takenCount };
    }),
    awaitResult: enqueueActions(({ context, enqueue }, { turn, seq_id }: { turn: Turn; seq_id: number }) => {
      const slot = context.queue.noteSubmitted(turn);
      enqueue.spawnChild('retrieve', { id: `retrieve-${slot}`, input: { turn, seq_id } });
      enqueue.emit({ type: 'turn.submitted', method: turn.method, seq_id, width: turn.width });
    }),
    forget: enqueueActions(({ context, event, enqueue }) => {
      const { actorId } = event as DoneActorEvent<Retrieved>;
      if (!actorId.startsWith('retrieve-')) return;
      enqueue.stopChild(actorId);
      const { turn, seq_id, end } = (event as DoneActorEvent<Retrieved>).output;
      context.queue.noteSettled(turn);
      const { method } = turn;
      if (end.kind === 'completed') enqueue.emit({ type: 'turn.completed', method, seq_id });
      else enqueue.emit({ type: 'turn.failed', method, seq_id, error: end.error.message });
    }),
  },
}).createMachine({
  id: 'training',
  context: ({ input }) => ({
    ports: input.ports,
    queue: new TurnQueue(),
    info: undefined,
    nextSeqId: 1,
    leftoverError: new ClientClosedError('the training client was closed before this call was answered'),
    closing: false,
    closeDeadlineMs: 0,
  }),
  invoke: { id: 'leftovers', src: 'leftovers', input: ({ context }) => context },
  initial: 'creating',
  states: {
    creating: {
      invoke: {
        id: 'createModel',
        src: 'createModel',
        input: ({ context }) => context.ports,
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'ok',
            target: 'active',
            actions: assign(({ event }) => (event.output.kind === 'ok' ? event.output.value : {})),
          },
          {
            target: 'failed',
            actions: assign(({ event }) =>
              event.output.kind === 'failed' ? { leftoverError: event.output.error } : {},
            ),
          },
        ],
      },
      on: {
        close: 'closed',
        'session.lost': {
          target: 'failed',
          actions: assign(({ event }) => ({ leftoverError: event.error })),
        },
      },
    },
    active: {
      type: 'parallel',
      always: { guard: ({ context }) => context.closing && context.queue.isEmpty, target: 'closed' },
      on: {
        'turn.enqueue': { guard: ({ context }) => !context.closing, actions: 'enqueue' },
        'turn.remove': { actions: 'remove' },
        'xstate.done.actor.*': { actions: 'forget' },
        'session.lost': {
          target: 'failed',
          actions: [
            assign(({ event }) => ({ leftoverError: event.error })),
            { type: 'failLeftovers', params: ({ event }) => ({ error: event.error }) },
          ],
        },
      },
      states: {
        life: {
          initial: 'open',
          states: {
            open: { tags: 'accepting', on: { close: { target: 'draining', actions: 'startClosing' } } },
            draining: { after: { closeDeadline: '#training.closed' } },
          },
        },
        line: {
          initial: 'idle',
          states: {
            idle: {
              always: { guard: ({ context }) => context.queue.head !== undefined, target: 'submitting' },
            },
            billingPaused: { after: { billingRetry: 'submitting' } },
            submitting: {
              invoke: {
                id: 'submit',
                src: 'submit',
                input: ({ context }) => toSubmission(context),
                onDone: [
                  {
                    guard: ({ event }) => event.output.kind === 'accepted',
                    target: 'idle',
                    actions: [
                      { type: 'awaitResult', params: ({ context }) => toSent(context) },
                      {
                        type: 'advance',
                        params: ({ context }) => ({ takenCount: toSent(context).turn.width }),
                      },
                    ],
                  },
                  { guard: ({ event }) => event.output.kind === 'paused', target: 'billingPaused' },
                  {
                    target: 'idle',
                    actions: [
                      ({ context, event }) => {
                        if (event.output.kind === 'refused') context.queue.head?.fail(event.output.error);
                      },
                      emit(({ context, event }) => ({
                        type: 'turn.failed',
                        method: context.queue.head?.method ?? '',
                        seq_id: context.nextSeqId,
                        error: event.output.kind === 'refused' ? event.output.error.message : '',
                      })),
                      {
                        type: 'advance',
                        params: ({ event }) => ({
                          takenCount: event.output.kind === 'refused' ? event.output.takenCount : 0,
                        }),
                      },
                    ],
                  },
                ],
              },
            },
          },
        },
      },
    },
    closed: { type: 'final', output: { status: 'closed' } },
    failed: { type: 'final', output: ({ context }) => ({ status: 'failed', error: context.leftoverError }) },
  },
  output: ({ event }) => event.output as TrainingOutput,
});

export interface Retrieved {
  turn: Turn;
  seq_id: number;
  end: TurnEnd;
}

function toSent({ queue, nextSeqId }: TrainingContext): { turn: Turn; seq_id: number } {
  if (queue.head === undefined) throw new Error('a turn is submitted only when one waits');
  return { turn: queue.head, seq_id: nextSeqId };
}

function toSubmission(context: TrainingContext): { turn: Turn; place: TurnPlace } {
  const { turn, seq_id } = toSent(context);
  return { turn, place: { model_id: context.info?.model_id ?? '', seq_id } };
}
