import { z } from 'zod';
import { EngineError } from './engine-error.ts';

/** A float32 tensor in row-major order. */
export interface Tensor {
  shape: number[];
  data: Float32Array;
}

const count = z.int().min(0);
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(count),
  data_offsets: z.tuple([count, count]),
});
const metadataSchema = z.record(z.string(), z.string());

const lengthBytes = 8;

/** The bytes of a `.safetensors` file: header length (u64), JSON header padded with spaces to 8 bytes, data. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  let offset = 0;
  const header: Record<string, z.input<typeof entrySchema> | z.input<typeof metadataSchema>> = {};
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const unpadded = Buffer.from(JSON.stringify(header), 'utf8');
  const headerBytes = Math.ceil(unpadded.length / 8) * 8;
  const file = Buffer.alloc(lengthBytes + headerBytes + offset, ' ');
  file.writeBigUInt64LE(BigInt(headerBytes), 0);
  unpadded.copy(file, lengthBytes);
  let position = lengthBytes + headerBytes;
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

/**
 * Reads a `.safetensors` file whose tensors are float32. `fileName` is for the error, of category user, that a damaged
 * or foreign file gets.
 */
export function decodeSafetensors(
  file: Uint8Array,
  fileName: string,
): { tensors: Map<string, Tensor>; metadata: Record<string, string> } {
  const refuse = (problem: string): never => {
    throw new EngineError('user', `${fileName} is not a readable safetensors file: ${problem}`);
  };
  if (file.byteLength < lengthBytes) return refuse('it ends within its first 8 bytes');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > BigInt(file.byteLength - lengthBytes))
    return refuse('its header is longer than the file');
  const dataStart = lengthBytes + Number(headerLength);
  const header =
    parseHeader(Buffer.from(file.subarray(lengthBytes, dataStart)).toString('utf8')) ??
    refuse('its header is not a JSON object');
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(entries)) {
    const parsed = entrySchema.safeParse(entry);
    if (!parsed.success) return refuse(`tensor ${name} has no shape or place`);
    const { dtype, shape, data_offsets: offsets } = parsed.data;
    if (dtype !== 'F32') return refuse(`tensor ${name} is ${dtype}, and only F32 is read`);
    const [begin, end] = offsets;
    const elementCount = shape.reduce((product, size) => product * size, 1);
    if (end - begin !== elementCount * 4)
      return refuse(`tensor ${name} has ${end - begin} bytes, not ${elementCount * 4}`);
    if (dataStart + end > file.byteLength) return refuse(`tensor ${name} lies past the end of the file`);
    const bytes = new Uint8Array(file.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { shape, data: new Float32Array(bytes.buffer) });
  }
  return { tensors, metadata: metadataSchema.safeParse(metadata).data ?? {} };
}

function parseHeader(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
