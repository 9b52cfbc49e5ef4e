import { InvalidArgumentError } from '../../core/errors.ts';
import { samplerHandleSchema, type SamplerHandle } from '../../types/sampler-handle.ts';

/** One line of URL-safe text, padded as Python wants it. */
export function encodeHandle(handle: SamplerHandle): string {
  const text = Buffer.from(JSON.stringify(handle)).toString('base64url');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

export function decodeHandle(text: string): SamplerHandle {
  const parsed = samplerHandleSchema.safeParse(parse(text));
  if (parsed.success) return parsed.data;
  const keys = parsed.error.issues.map(({ path }) => path.join('.'));
  // A key in it is named by its place alone.
  throw new InvalidArgumentError(
    `handle must be the text that SamplingClient.toHandle gave; something is wrong with ${keys.join(', ') || 'all of it'}`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}
