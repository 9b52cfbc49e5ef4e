import { toRawBytes } from '../../core/base64.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import type { ModelInput } from '../../types/model-input.ts';

/** How many positions a model input has; undefined when an image does not say how many are expected. */
export function inputLength({ chunks }: ModelInput, what: string): number | undefined {
  let length = 0;
  for (const [index, chunk] of chunks.entries()) {
    if (chunk.type === 'encoded_text') length += chunk.tokens.length;
    else if (chunk.type === 'dmel')
      length += readRowCount(toRawBytes(chunk.dmel), `${what}.chunks[${index}].dmel`);
    else if (chunk.expected_tokens == null) return undefined;
    else length += chunk.expected_tokens;
  }
  return length;
}

const constantTensor = 0xfe;
const lastDtype = 7;

/** The first dimension of a serialized tensor container, from its header (wire-protocol 3.2). */
function readRowCount(bytes: Uint8Array, what: string): number {
  let at = bytes[0] === constantTensor ? 1 : 0;
  if ((bytes[at++] ?? 0xff) > lastDtype) throw badContainer(what);
  const dimensionCount = readVarint();
  if (dimensionCount === 0) throw badContainer(what);
  return readVarint();

  /** Groups of seven bits, lowest first. */
  function readVarint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += ((byte ?? 0) & 0x7f) * factor;
      if (byte === undefined || !Number.isSafeInteger(value)) throw badContainer(what);
      if (byte < 0x80) return value;
    }
  }
}

function badContainer(what: string): InvalidArgumentError {
  return new InvalidArgumentError(`${what} is no serialized tensor with at least one dimension`);
}
