import { byteCount } from '../../core/base64.ts';
import type { Datum } from '../../types/datum.ts';
import type { ModelInputChunk } from '../../types/model-input.ts';
import type { TensorInput } from '../../types/tensor.ts';

export interface ChunkLimits {
  datumCount: number;
  bytes: number;
}

/** Packs datums greedily, in order, into the requests of one call (wire-protocol 6.2). A huge datum is a chunk of its own. */
export function toChunks(data: readonly Datum[], limits: ChunkLimits): Datum[][] {
  const chunks: Datum[][] = [];
  let current: Datum[] = [];
  let bytes = 0;
  for (const datum of data) {
    const size = estimateDatumBytes(datum);
    if (current.length > 0 && (bytes + size > limits.bytes || current.length >= limits.datumCount)) {
      chunks.push(current);
      current = [];
      bytes = 0;
    }
    current.push(datum);
    bytes += size;
  }
  if (current.length > 0) chunks.push(current);
  return chunks;
}

/** What a datum weighs on the wire, as the server's limits count it. */
export function estimateDatumBytes({ model_input, loss_fn_inputs }: Datum): number {
  let bytes = 0;
  for (const chunk of model_input.chunks) bytes += estimateChunkBytes(chunk);
  for (const tensor of Object.values(loss_fn_inputs)) bytes += estimateTensorBytes(tensor);
  return bytes;
}

function estimateChunkBytes(chunk: ModelInputChunk): number {
  switch (chunk.type) {
    case 'encoded_text':
      return 4 * chunk.tokens.length;
    case 'image':
      return byteCount(chunk.data);
    case 'image_asset_pointer':
      return chunk.location.length;
    case 'dmel':
      return byteCount(chunk.dmel);
  }
}

function estimateTensorBytes({ dtype, data, sparse_crow_indices, sparse_col_indices }: TensorInput): number {
  const indices = (sparse_crow_indices?.length ?? 0) + (sparse_col_indices?.length ?? 0);
  return (dtype === 'float32' ? 4 : 8) * data.length + 8 * indices;
}
