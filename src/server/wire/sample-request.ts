import type { z } from 'zod';
import type { sampleRequestSchema, samplingParamsSchema } from '../../types/sampling.ts';
import type { BaseModel, SampleTask } from '../engine/engine.ts';
import { HttpError, unsupported } from '../errors.ts';
import { toInputTokens } from './model-input.ts';
import { readPromptTargets, type TargetLayout } from './prompt-targets.ts';
import { checkTokens } from './training-rows.ts';

type SampleRequest = z.output<typeof sampleRequestSchema>;

const maxSamples = 1024;
/** Most likeliest tokens, or alternatives, of one place. */
const maxPerPlace = 256;

/** Reads the body of `asample` (wire-protocol 2.18); what this server does not offer is refused by its name. */
export function toSampleTask(
  request: SampleRequest,
  samplerId: string,
  model: BaseModel,
): { task: SampleTask; targetLayout: TargetLayout | undefined } {
  if (request.record_stability_info) throw unsupported('record_stability_info');
  if (request.num_samples > maxSamples) throw new HttpError(422, `num_samples must be at most ${maxSamples}`);
  const { sampling_params: params } = request;
  const prompt = toInputTokens(request.prompt, 'prompt');
  checkTokens(prompt, 'prompt', model);
  const maxTokens = params.max_tokens ?? undefined;
  const room = model.maxContextLength - prompt.length;
  if (room < (maxTokens ?? 1)) {
    throw new HttpError(
      422,
      `The prompt has ${prompt.length} tokens: with max_tokens ${maxTokens ?? 'not given'} it exceeds the context of ${model.name}, ${model.maxContextLength}`,
    );
  }
  if (params.top_p === 0) throw new HttpError(422, 'sampling_params.top_p must be above 0');
  const { prompt_logprobs_last_n: lastN, target_prompt_logprobs: targets } = request;
  if (lastN != null) checkLastN(lastN, request, prompt.length);
  const read = targets == null ? undefined : readPromptTargets(targets, prompt.length, model);
  const task: SampleTask = {
    samplerId,
    prompt,
    numSamples: request.num_samples,
    maxTokens,
    temperature: params.temperature,
    topK: params.top_k === 0 ? -1 : params.top_k,
    topP: params.top_p,
    ...(params.seed == null ? {} : { seed: BigInt(params.seed) }),
    ...toStop(params.stop, model),
    promptLogprobs: request.prompt_logprobs === true,
    ...(lastN == null ? {} : { promptLogprobsLastN: lastN }),
    ...perPlace('topkPrompt', 'topk_prompt_logprobs', request.topk_prompt_logprobs),
    ...perPlace('topkSample', 'topk_sample_logprobs', request.topk_sample_logprobs),
    ...perPlace('promptAlternatives', 'prompt_alt_tokens_k', request.prompt_alt_tokens_k),
    ...(read === undefined ? {} : { promptTargets: read.targets }),
  };
  return { task, targetLayout: read?.layout };
}

function perPlace(field: keyof SampleTask, name: string, count: number): Partial<SampleTask> {
  if (count > maxPerPlace) throw new HttpError(422, `${name} must be at most ${maxPerPlace}`);
  return count === 0 ? {} : { [field]: count };
}

function checkLastN(lastN: number, { prompt_logprobs }: SampleRequest, promptLength: number): void {
  if (prompt_logprobs !== true) throw new HttpError(422, 'prompt_logprobs_last_n needs prompt_logprobs');
  if (lastN > promptLength - 1) {
    throw new HttpError(
      422,
      `prompt_logprobs_last_n must be at most ${promptLength - 1}, one less than the prompt has tokens`,
    );
  }
}

/** An empty list switches every stop off; anything else keeps the stop at end of sequence (wire-protocol 3.6). */
function toStop(
  stop: z.output<typeof samplingParamsSchema>['stop'],
  model: BaseModel,
): Pick<SampleTask, 'stopTokens' | 'stopStrings' | 'stopAtEndOfSequence'> {
  const list = stop == null ? [] : typeof stop === 'string' ? [stop] : stop;
  const stopStrings = list.filter((item) => typeof item === 'string');
  const stopTokens = list.filter((item) => typeof item === 'number');
  if (stopStrings.includes(''))
    throw new HttpError(422, 'sampling_params.stop: an empty text would stop at once');
  const outside = stopTokens.find((token) => token < 0 || token >= model.vocabularySize);
  if (outside !== undefined) {
    throw new HttpError(
      422,
      `sampling_params.stop: token ${outside} is outside the vocabulary of ${model.name}`,
    );
  }
  return { stopTokens, stopStrings, stopAtEndOfSequence: stop == null || list.length > 0 };
}
