import { assign, emit, fromCallback, fromPromise, setup, type ErrorActorEvent } from 'xstate';
import type { DownloadEvents, DownloadResult } from '../types/downloads.ts';
import { toContext, type DownloadContext, type DownloadInput } from './download-context.ts';
import { isWorthKeeping, judge, toBug, type StepResult } from './download-judgement.ts';
import type { DownloadPorts, SourceResolution, StepTransient } from './download-ports.ts';

type DownloadEvent =
  /** `expired`: its addresses are, since it waited so long. */
  | { type: 'slot.granted'; expired: boolean }
  /** `reason` is what the download rejects with; `keep`: what came stays for a later download. */
  | { type: 'cancel'; reason: unknown; keep: boolean }
  | { type: 'pause' }
  | { type: 'resume' }
  | ErrorActorEvent;

type EmittedName = 'retry.scheduled' | 'archive.pending';
type Emitted = { [Name in EmittedName]: { type: Name } & DownloadEvents[Name] }[EmittedName];

export type DownloadOutput =
  | { status: 'done'; result: DownloadResult }
  | { status: 'failed'; error: Error }
  | { status: 'cancelled'; reason: unknown };

interface PortCall {
  input: DownloadContext;
  signal: AbortSignal;
}

/**
 * One checkpoint: resolved to addresses, fetched, unpacked where it came as an archive that could not be on the way, verified
 * and put in place. What passes is tried again from the bytes on disk, and so is what was paused; whatever ends it, nothing
 * half done is left at the destination.
 */
export const downloadMachine = setup({
  types: {
    input: {} as DownloadInput,
    context: {} as DownloadContext,
    events: {} as DownloadEvent,
    emitted: {} as Emitted,
    output: {} as DownloadOutput,
  },
  delays: { wait: ({ context }) => context.waitMs },
  actors: {
    inspect: fromPromise(({ input, signal }: PortCall) => input.ports.inspectDestination(signal)),
    resolve: fromPromise(({ input, signal }: PortCall) => input.ports.resolveSource(signal)),
    // Teardown gives the slot back on every way out of `slotted`, a stop from outside included.
    slot: fromCallback<DownloadEvent, DownloadContext>(({ input, sendBack }) =>
      input.ports.holdSlot(input.source, { isFirst: input.hasBegun }, ({ expired }) =>
        sendBack({ type: 'slot.granted', expired }),
      ),
    ),
    transfer: fromPromise(({ input, signal }: PortCall) => input.ports.transfer(input.source, signal)),
    verify: fromPromise(({ input, signal }: PortCall) => input.ports.verify(signal)),
    extract: fromPromise(({ input, signal }: PortCall) => input.ports.extract(signal)),
    finalize: fromPromise(({ input }: PortCall) => input.ports.finalize()),
    discard: fromPromise(({ input }: PortCall) => input.ports.discard()),
    cleanUp: fromPromise(({ input }: { input: { ports: DownloadPorts; keep: boolean } }) =>
      input.ports.cleanUp({ keep: input.keep }),
    ),
  },
  actions: {
    judge: assign(({ context }, result: StepResult) => {
      const { next, state } = judge(context, context, result);
      return { next, ...state };
    }),
    keepSource: assign((_facts, found: SourceResolution | StepTransient) =>
      found.kind === 'ready' ? { source: found.source, pendingMs: 0 } : {},
    ),
    begin: assign({ hasBegun: true }),
    keepBug: assign(({ event }) => ('error' in event ? { error: toBug(event.error) } : {})),
    keepReason: assign(({ event }) =>
      event.type === 'cancel' ? { cancelReason: event.reason, keepCancelled: event.keep } : {},
    ),
    tellRetry: emit(({ context }): Emitted => ({
      type: 'retry.scheduled',
      what: `the download of ${context.tinkerPath}`,
      attempt: context.failureCount,
      delayMs: context.waitMs,
      reason: context.error.message,
    })),
    tellPending: emit(({ context }): Emitted => ({ type: 'archive.pending', waitMs: context.waitMs })),
  },
}).createMachine({
  id: 'download',
  context: ({ input }) => toContext(input),
  initial: 'active',
  states: {
    active: {
      initial: 'inspecting',
      on: {
        cancel: { target: 'cancelling', actions: 'keepReason' },
        pause: '.paused',
        'xstate.error.actor.*': { target: 'failing', actions: 'keepBug' },
      },
      states: {
        inspecting: {
          invoke: {
            id: 'inspect',
            src: 'inspect',
            input: ({ context }) => context,
            onDone: [
              { guard: ({ event }) => event.output.kind === 'absent', target: 'resolving' },
              {
                guard: ({ context, event }) => event.output.kind === 'exists' && context.force,
                target: 'resolving',
              },
              {
                guard: ({ event }) => event.output.kind === 'verified',
                target: '#download.done',
                actions: assign(({ event }) =>
                  event.output.kind === 'verified' ? { result: event.output.result } : {},
                ),
              },
              { target: 'judging', actions: { type: 'judge', params: ({ event }) => event.output } },
            ],
          },
        },
        resolving: {
          invoke: {
            id: 'resolve',
            src: 'resolve',
            input: ({ context }) => context,
            onDone: [
              {
                guard: ({ event }) => event.output.kind === 'ready',
                target: 'slotted',
                actions: { type: 'keepSource', params: ({ event }) => event.output },
              },
              { target: 'judging', actions: { type: 'judge', params: ({ event }) => event.output } },
            ],
          },
        },
        // Passed through: what a step did not achieve has been judged, and the way on is in the context.
        judging: {
          always: [
            { guard: ({ context }) => context.next === 'pending', target: 'pending' },
            { guard: ({ context }) => context.next === 'backingOff', target: 'backingOff' },
            { guard: ({ context }) => context.next === 'discarding', target: 'discarding' },
            { target: '#download.failing' },
          ],
        },
        pending: { entry: 'tellPending', after: { wait: 'resolving' } },
        backingOff: { entry: 'tellRetry', after: { wait: 'resolving' } },
        discarding: {
          invoke: {
            id: 'discard',
            src: 'discard',
            input: ({ context }) => context,
            onDone: [
              { guard: ({ event }) => event.output.kind === 'ok', target: 'resolving' },
              { target: 'judging', actions: { type: 'judge', params: ({ event }) => event.output } },
            ],
          },
        },
        // Holds no slot, and what was fetched; where it stood is looked at again.
        paused: { on: { pause: {}, resume: 'inspecting' } },
        slotted: {
          invoke: { id: 'slot', src: 'slot', input: ({ context }) => context },
          initial: 'queued',
          states: {
            queued: {
              on: {
                'slot.granted': [
                  { guard: ({ event }) => event.expired, target: 'renewing', actions: 'begin' },
                  { target: 'transferring', actions: 'begin' },
                ],
              },
            },
            // Keeps the slot: at the end of the queue the addresses would expire again.
            renewing: {
              invoke: {
                id: 'renew',
                src: 'resolve',
                input: ({ context }) => context,
                onDone: [
                  {
                    guard: ({ event }) => event.output.kind === 'ready',
                    target: 'transferring',
                    actions: { type: 'keepSource', params: ({ event }) => event.output },
                  },
                  { target: 'judging', actions: { type: 'judge', params: ({ event }) => event.output } },
                ],
              },
            },
            judging: {
              always: [
                { guard: ({ context }) => context.next === 'renewing', target: 'renewing' },
                { target: '#download.active.judging' },
              ],
            },
            transferring: {
              invoke: {
                id: 'transfer',
                src: 'transfer',
                input: ({ context }) => context,
                onDone: [
                  { guard: ({ event }) => event.output.kind === 'placed', target: 'verifying' },
                  { guard: ({ event }) => event.output.kind === 'packed', target: 'extracting' },
                  { target: 'judging', actions: { type: 'judge', params: ({ event }) => event.output } },
                ],
              },
            },
            extracting: {
              invoke: {
                id: 'extract',
                src: 'extract',
                input: ({ context }) => context,
                onDone: [
                  { guard: ({ event }) => event.output.kind === 'extracted', target: 'verifying' },
                  { target: 'judging', actions: { type: 'judge', params: ({ event }) => event.output } },
                ],
              },
            },
            verifying: {
              invoke: {
                id: 'verify',
                src: 'verify',
                input: ({ context }) => context,
                onDone: [
                  { guard: ({ event }) => event.output.kind === 'intact', target: '#download.finalizing' },
                  { target: 'judging', actions: { type: 'judge', params: ({ event }) => event.output } },
                ],
              },
            },
          },
        },
      },
    },
    // Out of reach of `cancel`: the renames take an instant, and half of them would leave no destination at all.
    finalizing: {
      invoke: {
        id: 'finalize',
        src: 'finalize',
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'ok',
            target: 'done',
            actions: assign(({ event }) =>
              event.output.kind === 'ok' ? { result: event.output.value } : {},
            ),
          },
          {
            target: 'failing',
            actions: assign(({ event }) =>
              event.output.kind === 'failed' ? { error: event.output.error } : {},
            ),
          },
        ],
        onError: { target: 'failing', actions: 'keepBug' },
      },
    },
    failing: {
      invoke: {
        id: 'cleanUp',
        src: 'cleanUp',
        input: ({ context }) => ({ ports: context.ports, keep: isWorthKeeping(context.error) }),
        onDone: 'failed',
        onError: 'failed',
      },
    },
    cancelling: {
      invoke: {
        id: 'cleanUp',
        src: 'cleanUp',
        input: ({ context }) => ({ ports: context.ports, keep: context.keepCancelled }),
        onDone: 'cancelled',
        onError: 'cancelled',
      },
    },
    done: { type: 'final', output: ({ context }) => ({ status: 'done', result: context.result }) },
    failed: { type: 'final', output: ({ context }) => ({ status: 'failed', error: context.error }) },
    cancelled: {
      type: 'final',
      output: ({ context }) => ({ status: 'cancelled', reason: context.cancelReason }),
    },
  },
  output: ({ event }) => event.output as DownloadOutput,
});
