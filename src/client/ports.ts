import { ApiError } from '../core/api-errors.ts';
import { toBackground } from '../core/clock.ts';
import { defaultRetries, noRetries } from '../core/retry-policy.ts';
import type { ApiClient } from '../http/api-client.ts';
import { createSamplingSession, getSampler } from '../http/endpoints/sampling.ts';
import { getClientConfig, getDynamicConfig } from '../http/endpoints/service.ts';
import { createSession, finishSession, sendHeartbeat } from '../http/endpoints/sessions.ts';
import { attributed } from '../core/sdk-method.ts';
import { toError } from '../core/thrown.ts';
import type { SamplerFacts, ServiceConfig, ServicePorts, TrainingPorts } from '../machines/ports.ts';
import type { ServerMessage } from '../types/events.ts';
import type { RequestOptions } from '../types/options.ts';
import type { Outcome } from '../types/outcome.ts';
import type { CreateSessionRequest, CreateSessionResponse } from '../types/sessions.ts';
import type { ApiClients } from './api-clients.ts';
import { makeModel, type ModelMaking } from './make-model.ts';

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

export function createTrainingPorts(making: ModelMaking): TrainingPorts {
  return { createModel: (signal) => toOutcome(makeModel(making, signal)) };
}

export type SamplerOrigin =
  | {
      kind: 'create';
      sampling_session_seq_id: number;
      base_model?: string | undefined;
      model_path?: string | undefined;
    }
  /** With `sessionId` it is in the session of another process. */
  | { kind: 'existing'; sampler: SamplerFacts; sessionId?: string | undefined };

/** Creates a sampling session; one made from a path alone is then asked for its base model (wire-protocol 2.17). */
export async function makeSampler(
  api: ApiClient,
  session_id: string,
  origin: SamplerOrigin,
  options: RequestOptions & { signal: AbortSignal },
): Promise<SamplerFacts> {
  if (origin.kind === 'existing') return completeSampler(api, origin.sampler, options);
  const { sampling_session_seq_id, base_model, model_path } = origin;
  const request = { session_id, sampling_session_seq_id, base_model, model_path };
  const sampling_session_id = await createSamplingSession(api, request, options);
  if (base_model !== undefined) return { sampling_session_id, base_model };
  // One key must not stand for two requests.
  const facts = await getSampler(api, sampling_session_id, { ...options, idempotencyKey: undefined });
  return { sampling_session_id, base_model: facts.base_model };
}

/** A model that does not say what it is based on leaves the question to its sampler. */
async function completeSampler(
  api: ApiClient,
  { sampling_session_id, base_model }: SamplerFacts,
  options: RequestOptions,
): Promise<SamplerFacts> {
  if (base_model !== null) return { sampling_session_id, base_model };
  const facts = await toOutcome(getSampler(api, sampling_session_id, options));
  if (facts.kind === 'ok') return { sampling_session_id, base_model: facts.value.base_model };
  if (facts.error instanceof ApiError && [404, 405].includes(facts.error.status))
    return { sampling_session_id, base_model: null };
  throw facts.error;
}
