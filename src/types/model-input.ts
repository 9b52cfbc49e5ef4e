import { z } from 'zod';

/** Token ids, each a non-negative int32. `number[]` is accepted wherever tokens go in. */
export type Tokens = Int32Array | readonly number[];

/** Schemas pass arrays of numbers over: a check per element costs more than the request. `core/tensors` checks them in one loop. */
const numberArray = z.custom<readonly number[]>(
  (value) => Array.isArray(value),
  'expected an array of numbers',
);

const encodedTextChunkSchema = z.object({
  type: z.literal('encoded_text').default('encoded_text'),
  tokens: numberArray,
});

/** An image as base64 text in JSON, raw bytes in protobuf. `expected_tokens` is what the caller counted. */
const imageChunkSchema = z.object({
  type: z.literal('image').default('image'),
  data: z.string(),
  format: z.enum(['png', 'jpeg']),
  expected_tokens: z.int().nullish(),
});

const imageAssetPointerChunkSchema = z.object({
  type: z.literal('image_asset_pointer').default('image_asset_pointer'),
  location: z.string(),
  format: z.enum(['png', 'jpeg']),
  expected_tokens: z.int().nullish(),
});

/** Audio tokens: a serialized tensor container as base64 text in JSON. */
const dmelChunkSchema = z.object({
  type: z.literal('dmel').default('dmel'),
  dmel: z.string(),
});

/** The prompt of a JSON request. Untagged chunks are told apart by their fields, as the official SDK does. */
export const modelInputSchema = z.object({
  chunks: z.array(
    z.union([encodedTextChunkSchema, imageChunkSchema, imageAssetPointerChunkSchema, dmelChunkSchema]),
  ),
});

export interface EncodedTextChunk {
  type: 'encoded_text';
  tokens: Tokens;
}

/** Bytes may be given raw, or as the base64 text that JSON carries. */
export type ModelInputChunk =
  | EncodedTextChunk
  | (Omit<z.output<typeof imageChunkSchema>, 'data'> & { data: Uint8Array | string })
  | z.output<typeof imageAssetPointerChunkSchema>
  | (Omit<z.output<typeof dmelChunkSchema>, 'dmel'> & { dmel: Uint8Array | string });

/** What a model reads: chunks in order. `modelInput(tokens)` makes one from token ids. */
export interface ModelInput {
  chunks: readonly ModelInputChunk[];
}
