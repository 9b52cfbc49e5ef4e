import { toBackground } from '../core/clock.ts';
import type { Connection } from '../core/config.ts';
import type { Logger } from '../core/logger.ts';
import { ApiClient, type ApiClientHooks } from '../http/api-client.ts';
import { Authenticator } from '../http/auth/authenticator.ts';
import { Credentials } from '../http/auth/credentials.ts';
import { exchangeToken } from '../http/endpoints/service.ts';
import type { Transport } from '../http/transport.ts';

export interface ApiClients {
  /** For what callers wait for. */
  api: ApiClient;
  /** For heartbeats, refreshes and telemetry: keeps no process alive while it waits, and only whispers. */
  background: ApiClient;
  authenticator: Authenticator;
}

/** Both clients of one service; they send the same key. */
export function createApiClients(
  connection: Connection,
  transport: Transport,
  hooks: ApiClientHooks,
): ApiClients {
  const { clock, random, logger } = connection;
  const backgroundClock = toBackground(clock);
  const authenticator = new Authenticator({
    credentials: new Credentials(connection.credentials, clock),
    exchange: (credential, retries, options) => exchangeToken(api, credential, retries, options),
    clock,
    backgroundClock,
    random,
    logger,
  });
  const api = new ApiClient(connection, transport, authenticator, hooks);
  const quiet = { ...connection, clock: backgroundClock, logger: toWhisper(logger) };
  const background = new ApiClient(quiet, transport, authenticator, { onDeprecation: hooks.onDeprecation });
  return { api, background, authenticator };
}

function toWhisper(logger: Logger): Logger {
  const whisper: Logger['debug'] = (message, fields) => logger.debug(message, fields);
  return { debug: whisper, info: whisper, warn: whisper, error: whisper };
}
