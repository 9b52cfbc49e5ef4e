import { checkOptionNames } from '../../core/config.ts';
import { InvalidArgumentError, InvalidResponseError } from '../../core/errors.ts';
import { withKind } from '../../core/tinker-path.ts';
import {
  loadWeights,
  saveWeights,
  saveWeightsExternal,
  saveWeightsForSampler,
} from '../../http/endpoints/training.ts';
import {
  loadWeightsResponseSchema,
  saveWeightsExternalResponseSchema,
  saveWeightsForSamplerResponseSchema,
  saveWeightsResponseSchema,
  type LoadWeightsResponse,
  type SaveWeightsExternalResponse,
  type SaveWeightsResponse,
} from '../../types/weights.ts';
import { checkStatePath } from '../create-model.ts';
import { jsonResult } from '../results.ts';
import type { ServiceRuntime } from '../runtime.ts';
import { checkTtl } from '../ttl.ts';
import { namedSave } from './named-save.ts';
import type {
  EphemeralSamplerInput,
  LoadStateInput,
  NamedInput,
  SaveExternalInput,
  SaveForSamplerInput,
  SaveStateInput,
} from './state-inputs.ts';
import { submitOne, type Call } from './turn-line.ts';

/** What a call does besides its name, for `TurnLine.enqueue`. */
type StateCall<Raw, Value> = Omit<Call<Raw, Value>, 'method'>;

export function saveStateCall(
  runtime: ServiceRuntime,
  input: SaveStateInput,
): StateCall<SaveWeightsResponse, SaveWeightsResponse> {
  checkSave('saveState', input, ['overwrite', 'user_metadata']);
  const { name, ...rest } = input;
  const save = namedSave(runtime, { type: 'training', name }, (place, sending, onUncertain) =>
    saveWeights(runtime.api, { ...place, path: name, ...rest }, sending, onUncertain),
  );
  return {
    ...save,
    requestType: 'SaveWeights',
    decode: jsonResult('save_weights', saveWeightsResponseSchema),
    finish: ([saved]) => ({ path: required(save.toPath(saved?.path)) }),
  };
}

export function saveForSamplerCall(
  runtime: ServiceRuntime,
  input: SaveForSamplerInput,
): StateCall<{ path?: string | null | undefined }, SaveWeightsResponse> {
  checkSave('saveWeightsForSampler', input, ['user_metadata']);
  const { name, ...rest } = input;
  const save = namedSave(runtime, { type: 'sampler', name }, (place, sending, onUncertain) => {
    const request = { ...place, path: name, kind: 'snapshot', ...rest } as const;
    return saveWeightsForSampler(runtime.api, request, sending, onUncertain);
  });
  return {
    ...save,
    requestType: 'SaveWeightsForSampler',
    decode: jsonResult('save_weights_for_sampler', saveWeightsForSamplerResponseSchema),
    finish: ([saved]) => ({ path: withKind(required(save.toPath(saved?.path))) }),
  };
}

export function saveExternalCall(
  runtime: ServiceRuntime,
  input: SaveExternalInput,
): StateCall<SaveWeightsExternalResponse, SaveWeightsExternalResponse> {
  checkSave('saveWeightsExternal', input, ['age_encryption_recipients']);
  const { name, age_encryption_recipients: recipients, ttl_seconds } = input;
  if (recipients !== undefined && (recipients.length > 10 || recipients.includes(''))) {
    throw new InvalidArgumentError(
      'saveWeightsExternal: age_encryption_recipients must be at most ten public keys',
    );
  }
  const save = namedSave(runtime, { type: 'external', name }, (place, sending, onUncertain) => {
    const request = { ...place, path: name, ttl_seconds, age_encryption_recipients: recipients?.slice() };
    return saveWeightsExternal(runtime.api, request, sending, onUncertain);
  });
  return {
    ...save,
    requestType: 'SaveWeightsExternal',
    decode: jsonResult('save_weights_external', saveWeightsExternalResponseSchema),
    finish: ([saved]) => ({ ...saved, path: required(save.toPath(saved?.path)) }),
  };
}

/** Its value is the id of the sampling session that the server has opened on the weights. */
export function ephemeralSaveCall(
  { api, billing, counters }: ServiceRuntime,
  input: EphemeralSamplerInput,
): StateCall<{ sampling_session_id?: string | null | undefined }, string> {
  checkOptionNames('saveWeightsAndGetSamplingClient', input, ['kind']);
  const { kind = 'snapshot' } = input;
  if (kind !== 'snapshot' && kind !== 'inflight') {
    throw new InvalidArgumentError(`kind must be snapshot or inflight, and is ${JSON.stringify(kind)}`);
  }
  return {
    width: 1,
    submit: submitOne(billing, (place, sending) => {
      const sampling_session_seq_id = counters.nextSamplingSessionSeqId();
      return saveWeightsForSampler(api, { ...place, sampling_session_seq_id, kind }, sending);
    }),
    requestType: 'SaveWeightsForSampler',
    decode: jsonResult('save_weights_for_sampler', saveWeightsForSamplerResponseSchema),
    finish([saved]) {
      const id = saved?.sampling_session_id;
      if (id) return id;
      throw new InvalidResponseError('the save was answered without a sampling session');
    },
  };
}

export function loadStateCall(
  { api, billing }: ServiceRuntime,
  method: string,
  optimizer: boolean,
  input: LoadStateInput,
): StateCall<LoadWeightsResponse, LoadWeightsResponse> {
  checkOptionNames(method, input, ['path', 'weights_access_token']);
  const { path, weights_access_token } = input;
  checkStatePath(path);
  const request = { path, optimizer, weights_access_token };
  return {
    width: 1,
    submit: submitOne(billing, (place, sending) => loadWeights(api, { ...place, ...request }, sending)),
    requestType: 'LoadWeights',
    decode: jsonResult('load_weights', loadWeightsResponseSchema),
    finish: ([loaded]) => loaded ?? {},
  };
}

function checkSave(method: string, input: NamedInput, others: readonly string[]): void {
  checkOptionNames(method, input, ['name', 'ttl_seconds', ...others]);
  if (typeof input.name !== 'string' || input.name === '' || input.name.includes('/')) {
    throw new InvalidArgumentError(
      `${method}: name must be a checkpoint's name without slashes, and is ${JSON.stringify(input.name)}`,
    );
  }
  checkTtl(method, input.ttl_seconds);
}

function required(path: string | null | undefined): string {
  if (path) return path;
  throw new InvalidResponseError('the save was answered without a path');
}
