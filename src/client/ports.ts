import { ApiError } from '../core/api-errors.ts';
import { toBackground } from '../core/clock.ts';
import { defaultRetries, noRetries } from '../core/retry-policy.ts';
import { getClientConfig, getDynamicConfig } from '../http/endpoints/service.ts';
import { createSession, finishSession, sendHeartbeat } from '../http/endpoints/sessions.ts';
import { attributed } from '../core/sdk-method.ts';
import { toError } from '../core/thrown.ts';
import type { ServiceConfig, ServicePorts } from '../machines/ports.ts';
import type { ServerMessage } from '../types/events.ts';
import type { RequestOptions } from '../types/options.ts';
import type { Outcome } from '../types/outcome.ts';
import type { CreateSessionRequest, CreateSessionResponse } from '../types/sessions.ts';
import type { ApiClients } from './api-clients.ts';

/** Ports: the effects of machines, made from HTTP calls. Expected failures become outcomes here. */

export async function toOutcome<Value>(work: Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { kind: 'ok', value: await work };
  } catch (error) {
    return {
      kind: 'failed',
      error: toError(error),
    };
  }
}

export interface ServicePortsOptions {
  clients: ApiClients;
  session: CreateSessionRequest;
  /** Those of connecting: they decide how its requests are sent. */
  connecting: RequestOptions;
  onMessage: (message: ServerMessage) => void;
}

export function createServicePorts({
  clients,
  session,
  connecting,
  onMessage,
}: ServicePortsOptions): ServicePorts {
  const { api, background } = clients;
  const { clock, logger } = api.connection;
  return {
    loadConfig: (signal) => toOutcome(loadConfig(clients, { ...connecting, timeoutMs: undefined, signal })),
    refreshConfig: (signal) => toOutcome(getDynamicConfig(background, noRetries, { signal })),
    create: (signal) =>
      toOutcome(
        createSession(api, session, { signal }).then((response) => {
          for (const message of toMessages(response)) onMessage(message);
          return response.session_id;
        }),
      ),
    async beat(sessionId, signal) {
      const outcome = await toOutcome(sendHeartbeat(background, sessionId, { signal }));
      if (outcome.kind === 'ok') return { kind: 'ok' };
      const { error } = outcome;
      return error instanceof ApiError && error.status === 410 ? { kind: 'gone' } : outcome;
    },
    async finish(sessionId, { status, detail }, signal) {
      const outcome = await toOutcome(
        finishSession(
          background,
          sessionId,
          status,
          detail,
          attributed('ServiceClient.close', { signal, retry: false }),
        ),
      );
      if (outcome.kind === 'failed') logger.debug(`the session was not finished: ${outcome.error.message}`);
    },
    backgroundClock: toBackground(clock),
  };
}

async function loadConfig(
  { api, authenticator }: ApiClients,
  options: RequestOptions,
): Promise<ServiceConfig> {
  const config = await getClientConfig(api, await authenticator.credential(options.signal), options);
  authenticator.configure(config);
  // One key must not stand for two requests.
  const dynamicConfig = await getDynamicConfig(api, defaultRetries, {
    ...options,
    idempotencyKey: undefined,
  });
  return { config, dynamicConfig };
}

function toMessages({
  info_message,
  warning_message,
  error_message,
}: CreateSessionResponse): ServerMessage[] {
  const texts = { info: info_message, warning: warning_message, error: error_message };
  return (['info', 'warning', 'error'] as const).flatMap((level) => {
    const text = texts[level];
    return text ? [{ level, text }] : [];
  });
}
