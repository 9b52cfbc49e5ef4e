import {
  assign,
  emit,
  enqueueActions,
  fromPromise,
  not,
  sendTo,
  setup,
  type DoneActorEvent,
  type ErrorActorEvent,
} from 'xstate';
import { ClientClosedError } from '../core/errors.ts';
import type { ClientKind, OwnServiceEvents, ServiceStatus } from '../types/events.ts';
import { needsNoSession, type ClientRequest } from './client-request.ts';
import type { ServiceConfig, ServicePorts, SessionEnding } from './ports.ts';
import { refreshActor, type RefreshNotice } from './refresh-actor.ts';
import { restMachine } from './rest.machine.ts';
import { samplingMachine } from './sampling.machine.ts';
import { sessionMachine, toSessionError, type SessionNotice } from './session.machine.ts';
import { trainingMachine } from './training.machine.ts';

interface ServiceContext {
  ports: ServicePorts;
  /** Set once the service is open. */
  config: ServiceConfig | undefined;
  sessionId: string;
  hasSessionActor: boolean;
  /** Clients that wait for the session. */
  waiting: readonly ClientRequest[];
  /** Live clients by id. */
  clients: Readonly<Record<string, ClientKind>>;
  /** Why a client could not be spawned, by its id; whoever asked for it takes the entry out. */
  rejections: Map<string, Error>;
  closeDeadlineMs: number;
  ending: SessionEnding;
  error: Error;
}

type ServiceEvent =
  | { type: 'client.create'; request: ClientRequest }
  /** Whoever asked for it has given up before it was spawned. */
  | { type: 'client.forget'; id: string }
  | { type: 'close'; deadlineMs: number; ending: SessionEnding }
  | SessionNotice
  | RefreshNotice
  | DoneActorEvent
  | ErrorActorEvent;

type Emitted = {
  [Name in keyof OwnServiceEvents]: { type: Name } & OwnServiceEvents[Name];
}[keyof OwnServiceEvents];

export type ServiceOutput = { status: 'closed' } | { status: 'failed'; error: Error };

/**
 * One service: it asks the server for its flags, starts a session with the first client that needs one, and owns all
 * clients. A client that crashes is forgotten and takes nobody with it; a session that is lost ends all.
 */
export const serviceMachine = setup({
  types: {
    input: {} as { ports: ServicePorts },
    context: {} as ServiceContext,
    events: {} as ServiceEvent,
    emitted: {} as Emitted,
    output: {} as ServiceOutput,
    tags: {} as 'accepting',
  },
  delays: { drainLimit: ({ context }) => context.closeDeadlineMs + 1000, farewellLimit: 2000 },
  actors: {
    loadConfig: fromPromise(({ input, signal }: { input: ServicePorts; signal: AbortSignal }) =>
      input.loadConfig(signal),
    ),
    refresh: refreshActor,
    session: sessionMachine,
    training: trainingMachine,
    sampling: samplingMachine,
    rest: restMachine,
  },
  guards: {
    noClients: ({ context }) => Object.keys(context.clients).length === 0,
    hasSession: ({ context }) => context.hasSessionActor,
  },
  actions: {
    keepWaiting: assign(({ context, event }) =>
      event.type === 'client.create' ? { waiting: [...context.waiting, event.request] } : {},
    ),
    forgetWaiting: assign(({ context, event }) =>
      event.type === 'client.forget' ? { waiting: context.waiting.filter(({ id }) => id !== event.id) } : {},
    ),
    // The client that was asked for, or, once the session is there, all that waited for it.
    spawnClients: enqueueActions(({ context, event, enqueue }) => {
      const requests = event.type === 'client.create' ? [event.request] : context.waiting;
      for (const request of requests) {
        const { kind, id } = request;
        if (kind === 'training')
          enqueue.spawnChild('training', { id, input: { ports: request.toPorts(context.sessionId) } });
        else if (kind === 'sampling')
          enqueue.spawnChild('sampling', {
            id,
            input: { ports: request.toPorts(request.sessionId ?? context.sessionId) },
          });
        else enqueue.spawnChild('rest', { id });
        enqueue.emit({ type: 'client.created', kind, id });
      }
      enqueue.assign({
        clients: { ...context.clients, ...Object.fromEntries(requests.map(({ id, kind }) => [id, kind])) },
        waiting: context.waiting.filter((request) => !requests.includes(request)),
      });
    }),
    rejectWaiting: assign(({ context }) => {
      for (const { id } of context.waiting) context.rejections.set(id, context.error);
      return { waiting: [] };
    }),
    rejectRequested: ({ context, event }) => {
      if (event.type === 'client.create') context.rejections.set(event.request.id, context.error);
    },
    forgetClient: enqueueActions(({ context, event, enqueue }) => {
      const { actorId } = event as DoneActorEvent | ErrorActorEvent;
      const kind = context.clients[actorId];
      if (kind === undefined) return;
      const { [actorId]: _, ...clients } = context.clients;
      enqueue.stopChild(actorId);
      enqueue.assign({ clients });
      if ('error' in event)
        enqueue.emit({ type: 'client.crashed', kind, id: actorId, error: String(event.error) });
      else enqueue.emit({ type: 'client.closed', kind, id: actorId });
    }),
    closeClients: enqueueActions(({ context, enqueue }) => {
      for (const id of Object.keys(context.clients))
        enqueue.sendTo(id, { type: 'close', deadlineMs: context.closeDeadlineMs });
    }),
    tellLoss: enqueueActions(({ context, enqueue }) => {
      for (const id of Object.keys(context.clients))
        enqueue.sendTo(id, { type: 'session.lost', error: context.error });
      enqueue.emit({ type: 'session.lost', error: context.error.message });
    }),
    keepClosing: assign(({ event }) =>
      event.type === 'close'
        ? {
            closeDeadlineMs: event.deadlineMs,
            ending: event.ending,
            error: new ClientClosedError('the service was closed'),
          }
        : {},
    ),
    startSession: enqueueActions(({ context, self, enqueue }) => {
      enqueue.spawnChild('session', {
        id: 'session',
        input: { ports: context.ports, parent: self },
      });
      enqueue.assign({ hasSessionActor: true });
    }),
    keepSession: enqueueActions(({ event, enqueue }) => {
      if (event.type !== 'session.ready') return;
      enqueue.assign({ sessionId: event.session_id });
      enqueue.emit({ type: 'session.started', session_id: event.session_id });
    }),
    relayNotice: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'session.degraded' || event.type === 'session.recovered') enqueue.emit(event);
    }),
    closeSession: sendTo('session', ({ context }) => ({ type: 'close', ending: context.ending })),
    forgetSession: enqueueActions(({ context, event, enqueue }) => {
      enqueue.stopChild('session');
      enqueue.assign({ sessionId: '', hasSessionActor: false, error: toSessionError(event, context.error) });
    }),
    keepRefreshed: assign(({ context, event }) =>
      event.type === 'config.refreshed' && context.config !== undefined
        ? { config: { ...context.config, dynamicConfig: event.dynamicConfig } }
        : {},
    ),
    tellStatus: emit((_, status: ServiceStatus) => ({ type: 'status.changed' as const, status })),
  },
}).createMachine({
  id: 'service',
  context: ({ input }) => ({
    ports: input.ports,
    config: undefined,
    sessionId: '',
    hasSessionActor: false,
    waiting: [],
    clients: {},
    rejections: new Map(),
    closeDeadlineMs: 0,
    ending: { status: 'success', detail: null },
    error: new ClientClosedError('the service has not failed'),
  }),
  on: {
    'xstate.done.actor.*': { actions: 'forgetClient' },
    'xstate.error.actor.*': { actions: 'forgetClient' },
    'client.create': { actions: 'rejectRequested' },
    'client.forget': { actions: 'forgetWaiting' },
  },
  initial: 'configuring',
  states: {
    configuring: {
      invoke: {
        id: 'loadConfig',
        src: 'loadConfig',
        input: ({ context }) => context.ports,
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'ok',
            target: 'open',
            actions: assign(({ event }) =>
              event.output.kind === 'ok' ? { config: event.output.value } : {},
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
      on: { close: { target: 'closed', actions: 'keepClosing' } },
    },
    open: {
      tags: 'accepting',
      entry: { type: 'tellStatus', params: 'open' },
      invoke: { id: 'refresh', src: 'refresh', input: ({ context }) => context },
      on: {
        'config.refreshed': { actions: 'keepRefreshed' },
        close: { target: 'draining', actions: ['keepClosing', 'rejectWaiting'] },
        'session.degraded': { actions: 'relayNotice' },
        'session.recovered': { actions: 'relayNotice' },
      },
      initial: 'sessionless',
      states: {
        sessionless: {
          on: {
            'client.create': [
              { guard: ({ event }) => needsNoSession(event.request), actions: 'spawnClients' },
              { target: 'joining', actions: ['keepWaiting', 'startSession'] },
            ],
          },
        },
        joining: {
          on: {
            'client.create': [
              { guard: ({ event }) => needsNoSession(event.request), actions: 'spawnClients' },
              { actions: 'keepWaiting' },
            ],
            'session.ready': { target: 'inSession', actions: ['keepSession', 'spawnClients'] },
            'xstate.done.actor.session': {
              target: 'sessionless',
              actions: ['forgetSession', 'rejectWaiting'],
            },
            'xstate.error.actor.session': {
              target: 'sessionless',
              actions: ['forgetSession', 'rejectWaiting'],
            },
          },
        },
        inSession: {
          on: {
            'client.create': { actions: 'spawnClients' },
            'xstate.done.actor.session': { target: '#service.failing', actions: 'forgetSession' },
            'xstate.error.actor.session': { target: '#service.failing', actions: 'forgetSession' },
          },
        },
      },
    },
    draining: {
      entry: { type: 'tellStatus', params: 'draining' },
      initial: 'clients',
      states: {
        clients: {
          entry: 'closeClients',
          always: { guard: 'noClients', target: 'session' },
          after: { drainLimit: 'session' },
        },
        session: {
          entry: enqueueActions(({ context, enqueue }) => {
            if (context.hasSessionActor) enqueue('closeSession');
          }),
          always: { guard: not('hasSession'), target: '#service.closed' },
          on: {
            'xstate.done.actor.session': { target: '#service.closed', actions: 'forgetSession' },
            'xstate.error.actor.session': { target: '#service.closed', actions: 'forgetSession' },
          },
        },
      },
    },
    failing: {
      entry: 'tellLoss',
      always: { guard: 'noClients', target: 'failed' },
      after: { farewellLimit: 'failed' },
    },
    closed: { type: 'final', entry: { type: 'tellStatus', params: 'closed' }, output: { status: 'closed' } },
    failed: {
      type: 'final',
      entry: { type: 'tellStatus', params: 'failed' },
      output: ({ context }) => ({ status: 'failed', error: context.error }),
    },
  },
  output: ({ event }) => event.output as ServiceOutput,
});
