import { modelInput } from '../../client/data.ts';
import type { CommandContext } from '../context.ts';
import { emptyPrompt, readPrompt } from '../read-prompt.ts';
import type { CommandResult } from '../result.ts';
import { tellOfWait } from '../waiting.ts';
import { toSamplingParams, withSampler, type SamplerOptions } from '../sampler.ts';

export interface SampleOptions extends SamplerOptions {
  file?: string | undefined;
  numSamples: number;
}

export async function sample(
  context: CommandContext,
  prompt: string | undefined,
  options: SampleOptions,
): Promise<CommandResult> {
  const { signal } = context;
  const promptText = await readPrompt(prompt, options.file, 'sample');
  return withSampler(context, options, async (sampler) => {
    const tokenizer = await sampler.getTokenizer();
    const tokens = tokenizer.encode(promptText);
    if (tokens.length === 0) throw emptyPrompt('sample');
    const request = {
      prompt: modelInput(tokens),
      num_samples: options.numSamples,
      sampling_params: toSamplingParams(options),
    };
    using _wait = tellOfWait(context, `${options.model} to complete the text`);
    const { sequences } = await sampler.sample(request, { signal });
    const completions = sequences.map(({ tokens: sampled, stop_reason, logprobs }) => ({
      text: tokenizer.decode(sampled),
      stop_reason,
      token_count: sampled.length,
      mean_logprob: logprobs === null || logprobs.length === 0 ? null : mean(logprobs),
    }));
    const isSingle = completions.length === 1;
    const lines = completions.flatMap((completion, index) =>
      isSingle ? [completion.text] : [`--- ${index + 1} (${completion.stop_reason}) ---`, completion.text],
    );
    return { json: { model: options.model, prompt: promptText, completions }, view: { lines } };
  });
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
