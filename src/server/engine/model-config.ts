import { z } from 'zod';
import { EngineError } from './engine-error.ts';

/** What the engine reads of a Llama-shaped `config.json`; other fields are for other readers of the file. */
const configSchema = z.object({
  model_type: z.literal('llama'),
  hidden_size: z.int().positive(),
  intermediate_size: z.int().positive(),
  num_hidden_layers: z.int().positive(),
  num_attention_heads: z.int().positive(),
  num_key_value_heads: z.int().positive(),
  vocab_size: z.int().positive(),
  max_position_embeddings: z.int().positive(),
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive(),
  tie_word_embeddings: z.literal(false),
  eos_token_id: z.union([z.int(), z.array(z.int())]),
  /** Ours: weights are drawn from this seed at load, and the folder has no `model.safetensors`. */
  random_seed: z.int().optional(),
});

export interface ModelConfig {
  hiddenSize: number;
  intermediateSize: number;
  layerCount: number;
  headCount: number;
  headSize: number;
  vocabularySize: number;
  contextLength: number;
  normEpsilon: number;
  ropeTheta: number;
  /** Tokens that end a sequence. */
  endTokens: number[];
  randomSeed: number | undefined;
}

export function parseModelConfig(json: unknown, fileName: string): ModelConfig {
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) throw new EngineError('user', `${fileName}: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  if (
    config.num_key_value_heads !== config.num_attention_heads ||
    config.hidden_size % config.num_attention_heads !== 0
  ) {
    throw new EngineError(
      'user',
      `${fileName}: key and query heads must be as many, and divide hidden_size evenly`,
    );
  }
  return {
    hiddenSize: config.hidden_size,
    intermediateSize: config.intermediate_size,
    layerCount: config.num_hidden_layers,
    headCount: config.num_attention_heads,
    headSize: config.hidden_size / config.num_attention_heads,
    vocabularySize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    normEpsilon: config.rms_norm_eps,
    ropeTheta: config.rope_theta,
    endTokens: [config.eos_token_id].flat(),
    randomSeed: config.random_seed,
  };
}
