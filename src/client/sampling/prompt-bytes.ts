import { byteCount } from '../../core/base64.ts';
import type { ModelInput } from '../../types/model-input.ts';

/** What a prompt weighs at the dispatch gate: 10 bytes a text token, the size of anything else (wire-protocol 7.2). */
export function estimatePromptBytes({ chunks }: ModelInput): number {
  let bytes = 0;
  for (const chunk of chunks) {
    if (chunk.type === 'encoded_text') bytes += 10 * chunk.tokens.length;
    else if (chunk.type === 'image') bytes += byteCount(chunk.data);
    else if (chunk.type === 'dmel') bytes += byteCount(chunk.dmel);
    else bytes += chunk.location.length;
  }
  return bytes;
}
