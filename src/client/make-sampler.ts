import { ApiError } from '../core/api-errors.ts';
import type { ApiClient } from '../http/api-client.ts';
import { createSamplingSession, getSampler } from '../http/endpoints/samplers.ts';
import type { SamplerFacts } from '../machines/ports.ts';
import type { RequestOptions } from '../types/options.ts';
import { toOutcome } from './ports.ts';

/** Where a sampling client's sampler comes from. */
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
