import { resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { systemClock, type Clock } from '../core/clock.ts';
import { InvalidArgumentError } from '../core/errors.ts';
import { messageOf } from '../core/thrown.ts';
import { checkAliases } from './aliases.ts';
import { createApp } from './app.ts';
import { createEngine } from './engine/index.ts';
import { FaultList, type Faults } from './faults.ts';
import { startHousekeeping } from './housekeeping.ts';
import { resolveOptions, type LocalServerOptions, type ResolvedOptions } from './options.ts';
import type { RecordedRequest } from './request-record.ts';
import { createServices } from './services/services.ts';
import { Store } from './store/store.ts';

/** A running server. It really trains, and keeps what was saved in its data folder. */
export interface LocalServer extends AsyncDisposable {
  /** Where it listens, for example `http://127.0.0.1:8000`; what a client takes as base URL. */
  readonly url: string;
  readonly dataDir: string;
  readonly clock: Clock;
  /** What is to go wrong; for tests. */
  readonly faults: Faults;
  /** What has arrived, oldest first; the newest thousand. */
  readonly requests: readonly RecordedRequest[];
  /** Finishes what runs, fails what waits, and frees everything. May be called again. */
  close(): Promise<void>;
}

/** Starts a server. It answers at once; the engine gets ready while the first requests come in. */
export async function createLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const resolved = resolveOptions({ ...options, dataDir: resolve(options.dataDir) });
  const { dataDir, clock, modelsDirectory } = resolved;
  checkAliases(resolved.aliases, modelsDirectory);
  await using cleanup = new AsyncDisposableStack();
  const store = new Store(dataDir);
  cleanup.defer(() => store.close());
  const services = createServices(resolved, store, createEngine({ modelsDirectory }));
  cleanup.defer(() => services.close());
  await services.recover();
  const faults = new FaultList(resolved.faults);
  const requests: RecordedRequest[] = [];
  const app = createApp({ options: resolved, store, services, faults, requests });
  cleanup.defer(() => closeApp(app));
  cleanup.defer(() => services.futures.close());
  cleanup.defer(startHousekeeping(services, clock));
  const url = await listen(app, resolved);
  const running = cleanup.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= running.disposeAsync());
  return { url, dataDir, clock, faults, requests, close, [Symbol.asyncDispose]: close };
}

async function listen(app: FastifyInstance, { host, port }: ResolvedOptions): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const reason = messageOf(error);
    throw new InvalidArgumentError(`The server cannot listen on ${host}, port ${port}: ${reason}`, {
      cause: error,
    });
  }
}

/** How long a closing server waits for answers that are being sent. */
const drainMs = 2000;

async function closeApp(app: FastifyInstance): Promise<void> {
  const timer = systemClock.setTimeout(() => app.server.closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    systemClock.clearTimeout(timer);
  }
}
