import type { ServiceClient } from '../client/service-client.ts';
import type { SamplingClient } from '../client/sampling-client.ts';
import type { SamplingParams } from '../types/sampling.ts';
import { withService } from './connect.ts';
import type { CommandContext } from './context.ts';

export interface SamplerOptions {
  /** A base model, or the path of a checkpoint. */
  model: string;
  maxTokens: number;
  temperature: number;
  topP: number;
  topK: number;
  seed?: number | undefined;
}

/** Runs `work` with a sampler, which is closed after it. */
export function withSampler<Value>(
  context: CommandContext,
  { model }: Pick<SamplerOptions, 'model'>,
  work: (sampler: SamplingClient) => Promise<Value>,
): Promise<Value> {
  return withService(context, async (_, service) => {
    await using sampler = await createSampler(service, model, context.signal);
    sampler.on('queue.changed', ({ queue_state, queue_state_reason }) => {
      if (queue_state !== 'active')
        context.note(`Waiting for the server: ${queue_state_reason ?? queue_state}`);
    });
    return await work(sampler);
  });
}

function createSampler(service: ServiceClient, model: string, signal: AbortSignal): Promise<SamplingClient> {
  const source = model.startsWith('tinker://') ? { model_path: model } : { base_model: model };
  return service.createSamplingClient(source, { signal });
}

export function toSamplingParams(options: SamplerOptions): SamplingParams {
  return {
    max_tokens: options.maxTokens,
    temperature: options.temperature,
    top_p: options.topP,
    top_k: options.topK,
    seed: options.seed,
  };
}
