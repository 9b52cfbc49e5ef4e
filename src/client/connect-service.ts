import { toBackground } from '../core/clock.ts';
import { compileConnection, type Connection } from '../core/config.ts';
import { withDeadline } from '../core/deadline.ts';
import { Emitter } from '../core/emitter.ts';
import { readEnvironment, type Environment } from '../core/env.ts';
import { InternalError } from '../core/errors.ts';
import { startNoSpan } from '../core/tracing.ts';
import type { ApiClient } from '../http/api-client.ts';
import type { Authenticator } from '../http/auth/authenticator.ts';
import { sendTelemetry } from '../http/endpoints/telemetry.ts';
import { createTransport, type Transport } from '../http/transport.ts';
import { createLife } from '../machines/actor-life.ts';
import { reach } from '../machines/bridge.ts';
import type { SessionEnding } from '../machines/ports.ts';
import { serviceMachine } from '../machines/service.machine.ts';
import { startActor } from '../machines/start-actor.ts';
import type { ClientLife } from '../types/client-life.ts';
import type { OwnServiceEvents, ServiceEvents } from '../types/events.ts';
import type { RequestOptions } from '../types/options.ts';
import type { WorkerNetwork } from '../workers/signed-url.ts';
import { createApiClients } from './api-clients.ts';
import { ClientFactory } from './client-factory.ts';
import { createLimits } from './limits.ts';
import { logEvents } from './log-events.ts';
import { createOpenTelemetrySpans } from './open-telemetry.ts';
import { createServicePorts } from './ports.ts';
import { relay } from './relay.ts';
import { SequenceCounters, type ServiceRuntime } from './runtime.ts';
import { ServerNotices } from './server-notices.ts';
import { checkServiceOptions, toSessionRequest, type ServiceOptions } from './service-options.ts';
import { Telemetry } from './telemetry/telemetry.ts';
import { publicHub, Tokenizers } from './tokenizers.ts';
import { WireFormat } from './training/wire-format.ts';

/** What a service client is made of. */
export interface ServiceParts {
  runtime: ServiceRuntime;
  factory: ClientFactory;
  emitter: Emitter<ServiceEvents>;
  /** Closes the actor with an ending of the session. */
  toLife: (ending: SessionEnding) => ClientLife;
  /** Frees what outlives the actor: last telemetry, the token, connections, streams of events. */
  resources: AsyncDisposable;
  downloadConcurrency: number | undefined;
  network: WorkerNetwork;
}

/** Puts a service together and asks the server for its flags; whatever was opened is closed when that fails. */
export async function connectService(
  options: ServiceOptions,
  callOptions: RequestOptions,
): Promise<ServiceParts> {
  checkServiceOptions(options);
  const environment = readEnvironment();
  const connection = compileConnection(options, environment);
  const { clock, logger } = connection;
  await using resources = new AsyncDisposableStack();
  const emitter = new Emitter<ServiceEvents>(logger, { replay: ['status.changed'] });
  resources.defer(() => emitter.end());
  logEvents(emitter, logger);
  emitter.emit('status.changed', { status: 'connecting' });
  const transport = createTransport({ proxy: environment.proxy, ca: options.ca });
  resources.defer(() => transport.close());
  const notices = new ServerNotices(emitter, logger);
  let telemetry: Telemetry | undefined;
  const clients = createApiClients(connection, transport, {
    onRetry: (what, { attempt, delayMs, error }) =>
      emitter.emit('retry.scheduled', { what, attempt, delayMs, reason: error.message }),
    onDeprecation: (notice) => notices.tellDeprecation(notice),
    onFailure: (error, what) => telemetry?.report(error, what),
  });
  const { api, background, authenticator } = clients;
  resources.defer(() => authenticator.close());
  const session = toSessionRequest(options, environment);
  const ports = createServicePorts({
    clients,
    session,
    connecting: callOptions,
    onMessage: (message) => notices.tellMessage(message),
  });
  const actor = startActor(serviceMachine, { input: { ports }, clock, logger });
  resources.defer(() => void actor.stop());
  relay<OwnServiceEvents>(actor, emitter);
  const { context } = await withDeadline('connecting', callOptions, clock, (signal) =>
    reach(actor, (snapshot) => snapshot.hasTag('accepting'), { signal }),
  );
  const connected = context.config;
  if (connected === undefined) throw new InternalError('the service accepts work without its configuration');
  if (options.telemetry ?? environment.telemetry) {
    telemetry = createTelemetry(connection, background, emitter);
    resources.use(telemetry);
  }
  const { config } = connected;
  const runtime: ServiceRuntime = {
    api,
    authenticator,
    transport,
    config,
    get dynamicConfig() {
      return (actor.getSnapshot().context.config ?? connected).dynamicConfig;
    },
    projectId: session.project_id ?? undefined,
    wireFormat: new WireFormat(options.wireFormat ?? 'auto'),
    ...createLimits(connection, config, emitter),
    emitter,
    startSpan: options.tracing === true ? await createOpenTelemetrySpans() : startNoSpan,
    counters: new SequenceCounters(),
    tokenizers: createTokenizers(transport, connection.baseUrl, authenticator, options, environment),
    reportFailure: (error, what) => telemetry?.report(error, what),
  };
  return {
    runtime,
    factory: new ClientFactory(actor, runtime),
    emitter,
    toLife: (ending) => createLife(actor, { ending }),
    resources: resources.move(),
    downloadConcurrency: options.downloadConcurrency,
    network: { proxy: environment.proxy, ca: options.ca },
  };
}

function createTelemetry(
  { clock, logger }: Connection,
  background: ApiClient,
  emitter: Emitter<ServiceEvents>,
): Telemetry {
  const telemetry = new Telemetry({
    send: (request, signal) => sendTelemetry(background, request, signal),
    clock,
    backgroundClock: toBackground(clock),
    logger,
  });
  emitter.on('session.started', ({ session_id }) => telemetry.startSession(session_id));
  return telemetry;
}

function createTokenizers(
  transport: Transport,
  baseUrl: string,
  authenticator: Authenticator,
  options: ServiceOptions,
  environment: Environment,
): Tokenizers {
  const hub = options.hubEndpoint ?? environment.hubEndpoint;
  const hubs = [...(hub === undefined ? [] : [hub.replace(/\/+$/, '')]), baseUrl, publicHub];
  return new Tokenizers({
    transport,
    hubs,
    headersFor: async (hub) => (hub === baseUrl ? { 'x-api-key': await authenticator.token({}) } : {}),
    requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
  });
}
