import type { z } from 'zod';
import type { modelInputSchema } from '../../types/model-input.ts';
import { unsupported } from '../errors.ts';
import { toTokenIds } from './json-numbers.ts';
import { concatTokens } from './training-request.ts';

/** The tokens of an input in JSON. Chunks that are not text are refused by their name. */
export function toInputTokens(input: z.output<typeof modelInputSchema>, where: string): Int32Array {
  return concatTokens(
    input.chunks.map((chunk, index) => {
      if (chunk.type !== 'encoded_text')
        throw unsupported(`${where}.chunks[${index}]: a chunk of type ${chunk.type}`);
      return toTokenIds(chunk.tokens, `${where}.chunks[${index}].tokens`);
    }),
  );
}
