import { assign, fromCallback, fromPromise, setup, type EventObject } from 'xstate';
import { ClientClosedError } from '../core/errors.ts';
import type { SamplerFacts, SamplingPorts } from './ports.ts';

export interface SamplingInput {
  ports: SamplingPorts;
}

export interface SamplingContext extends SamplingInput {
  sampler: SamplerFacts | undefined;
  error: Error;
  closeDeadlineMs: number;
}

type SamplingEvent = { type: 'close'; deadlineMs: number } | { type: 'session.lost'; error: Error };

export type SamplingOutput = { status: 'closed' } | { status: 'failed'; error: Error };

/** One sampler. Its samples are plain calls, since thousands are live; the actor gives them a beginning and an end. */
export const samplingMachine = setup({
  types: {
    input: {} as SamplingInput,
    context: {} as SamplingContext,
    events: {} as SamplingEvent,
    output: {} as SamplingOutput,
    tags: {} as 'accepting',
  },
  delays: { closeDeadline: ({ context }) => context.closeDeadlineMs },
  actors: {
    createSampler: fromPromise(({ input, signal }: { input: SamplingPorts; signal: AbortSignal }) =>
      input.createSampler(signal),
    ),
    whenIdle: fromPromise(({ input, signal }: { input: SamplingPorts; signal: AbortSignal }) =>
      input.whenIdle(signal),
    ),
    // Teardown runs on every way out, a stop from outside and a crash included; exit actions would not.
    leftovers: fromCallback<EventObject, SamplingContext>(
      ({ input }) =>
        () =>
          input.ports.abort(input.error),
    ),
  },
  actions: {
    abortAll: ({ context }) => context.ports.abort(context.error),
    keepLoss: assign(({ event, context }) => ({
      error: event.type === 'session.lost' ? event.error : context.error,
    })),
  },
}).createMachine({
  id: 'sampling',
  context: ({ input }) => ({
    ...input,
    sampler: undefined,
    error: new ClientClosedError('the sampling client was closed before this sample was answered'),
    closeDeadlineMs: 0,
  }),
  invoke: { id: 'leftovers', src: 'leftovers', input: ({ context }) => context },
  initial: 'creating',
  states: {
    creating: {
      invoke: {
        id: 'createSampler',
        src: 'createSampler',
        input: ({ context }) => context.ports,
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'ok',
            target: 'open',
            actions: assign(({ event }) =>
              event.output.kind === 'ok' ? { sampler: event.output.value } : {},
            ),
          },
          {
            target: 'failed',
            actions: assign(({ event }) =>
              event.output.kind === 'failed' ? { error: event.output.error } : {},
            ),
          },
        ],
      },
      on: { close: 'closed', 'session.lost': { target: 'failed', actions: 'keepLoss' } },
    },
    open: {
      tags: 'accepting',
      on: {
        close: {
          target: 'draining',
          actions: assign(({ event }) => ({ closeDeadlineMs: event.deadlineMs })),
        },
        'session.lost': { target: 'failed', actions: ['keepLoss', 'abortAll'] },
      },
    },
    draining: {
      invoke: { id: 'whenIdle', src: 'whenIdle', input: ({ context }) => context.ports, onDone: 'closed' },
      after: { closeDeadline: 'closed' },
      on: { 'session.lost': { target: 'failed', actions: ['keepLoss', 'abortAll'] } },
    },
    closed: { type: 'final', output: { status: 'closed' } },
    failed: { type: 'final', output: ({ context }) => ({ status: 'failed', error: context.error }) },
  },
  output: ({ event }) => event.output as SamplingOutput,
});
