import { checkOptionNames } from '../../core/config.ts';
import { InvalidArgumentError, InvalidResponseError } from '../../core/errors.ts';
import { checkTokens } from '../../core/tensors.ts';
import { samplingParamsSchema, type SampleInput, type SampleResponse } from '../../types/sampling.ts';
import { checkTensor, shapeOf } from '../training/check-tensor.ts';
import { inputLength } from '../training/input-length.ts';

const samplingFields = Object.keys(samplingParamsSchema.shape);
const sampleFields = [
  'prompt',
  'num_samples',
  'sampling_params',
  'prompt_logprobs',
  'prompt_logprobs_last_n',
  'topk_prompt_logprobs',
  'topk_sample_logprobs',
  'target_prompt_logprobs',
  'prompt_alt_tokens_k',
];

/** Checks before anything is sent; the message names the field. */
export function checkSample(input: SampleInput): SampleInput {
  checkOptionNames('sample', input, sampleFields);
  const { prompt, num_samples = 1, sampling_params = {} } = input;
  if (!Number.isInteger(num_samples) || num_samples < 1) {
    throw new InvalidArgumentError(`num_samples must be a positive integer, and is ${num_samples}`);
  }
  checkOptionNames('sampling_params', sampling_params, samplingFields);
  const parsed = samplingParamsSchema.safeParse(sampling_params);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new InvalidArgumentError(
      `sampling_params.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`,
    );
  }
  if (!Array.isArray(prompt?.chunks) || prompt.chunks.length === 0) {
    throw new InvalidArgumentError(
      'prompt must be a model input with at least one chunk: modelInput(tokens) makes one',
    );
  }
  const { chunks } = prompt;
  for (let index = 0; index < chunks.length; index++) {
    const chunk = chunks[index];
    if (chunk?.type === 'encoded_text') checkTokens(chunk.tokens, `prompt.chunks[${index}].tokens`);
  }
  checkCount(input.topk_prompt_logprobs, 'topk_prompt_logprobs');
  checkCount(input.topk_sample_logprobs, 'topk_sample_logprobs');
  checkCount(input.prompt_alt_tokens_k, 'prompt_alt_tokens_k');
  if (input.prompt_logprobs_last_n !== undefined) checkLastN(input, input.prompt_logprobs_last_n);
  return input.target_prompt_logprobs === undefined ? input : { ...input, ...checkTargets(input) };
}

function checkCount(value: number | undefined, name: string): void {
  if (value !== undefined && (!Number.isInteger(value) || value < 0))
    throw new InvalidArgumentError(`${name} must be an integer from 0 on, and is ${value}`);
}

function checkLastN({ prompt, prompt_logprobs }: SampleInput, lastN: number): void {
  if (prompt_logprobs !== true)
    throw new InvalidArgumentError('prompt_logprobs_last_n needs prompt_logprobs: true');
  const length = inputLength(prompt, 'prompt') ?? Infinity;
  if (!Number.isInteger(lastN) || lastN < 1 || lastN > length - 1) {
    throw new InvalidArgumentError(
      `prompt_logprobs_last_n must be an integer from 1 to ${length - 1}, one less than the prompt has tokens, and is ${lastN}`,
    );
  }
}

function checkTargets({
  prompt,
  target_prompt_logprobs,
}: SampleInput): Pick<SampleInput, 'target_prompt_logprobs'> {
  const what = 'target_prompt_logprobs';
  if (target_prompt_logprobs?.dtype !== 'int64')
    throw new InvalidArgumentError(`${what} must be an int64 tensor of token ids`);
  const tensor = checkTensor(target_prompt_logprobs, what);
  const shape = shapeOf(tensor);
  const length = inputLength(prompt, 'prompt');
  const [rows] = shape;
  if (shape.length !== 2 || (length !== undefined && rows !== length - 1)) {
    throw new InvalidArgumentError(
      `${what} must have the shape [prompt tokens - 1, K], which is [${length === undefined ? '?' : length - 1}, K], and has [${shape.join(', ')}]`,
    );
  }
  let hasId = false;
  for (const value of tensor.data) {
    const id = Number(value);
    if (id < -1 || id >= 2 ** 31)
      throw new InvalidArgumentError(`${what} must hold token ids, or -1 for none, and has ${id}`);
    hasId ||= id >= 0;
  }
  if (!hasId) throw new InvalidArgumentError(`${what} must name at least one token`);
  return { target_prompt_logprobs: tensor };
}

/**
 * A server that does not know an option passes over it without a word: what it leaves out tells (wire-protocol 2.18). Some
 * leave out the first token of the prompt, which has no log-probability: it gets its place.
 */
export function checkSampleResponse(input: SampleInput, response: SampleResponse): void {
  const missing = (name: string): InvalidResponseError =>
    new InvalidResponseError(`the server gave no ${name}: it does not know this option of a sample`);
  if (input.target_prompt_logprobs !== undefined && response.target_prompt_logprobs === null)
    throw missing('target_prompt_logprobs');
  if (input.prompt_alt_tokens_k && response.prompt_alt_tokens === null) throw missing('prompt_alt_tokens');
  if (response.prompt_logprobs?.length === (inputLength(input.prompt, 'prompt') ?? 0) - 1) {
    const aligned = new Float32Array(response.prompt_logprobs.length + 1).fill(Number.NaN, 0, 1);
    aligned.set(response.prompt_logprobs, 1);
    response.prompt_logprobs = aligned;
  }
  const { prompt_logprobs: logprobs } = response;
  if (input.prompt_logprobs_last_n === undefined || logprobs === null) return;
  for (let index = 0; index < logprobs.length - input.prompt_logprobs_last_n; index++) {
    if (!Number.isNaN(logprobs[index]))
      throw new InvalidResponseError(
        'the server scored the whole prompt: it does not know prompt_logprobs_last_n',
      );
  }
}
