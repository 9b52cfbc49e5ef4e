import type { IncomingMessage } from 'node:http';
import type { FileWriter } from './file-writer.ts';
import { toCutError, type RangeBody } from './ranged-get.ts';
import type { ReceivedMeter } from './received-meter.ts';

/** Calls `onChunk` for each chunk until the body ends. Rejects with what breaks the body, what `onChunk` throws, or the signal's reason. */
function receiveBody(
  response: IncomingMessage,
  signal: AbortSignal,
  onChunk: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => void response.destroy(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    response.on('close', () => signal.removeEventListener('abort', onAbort));
    response.on('data', (chunk: Buffer) => {
      try {
        onChunk(chunk);
      } catch (error) {
        response.destroy(error as Error);
      }
    });
    response.on('error', reject);
    response.on('end', resolve);
    response.on('close', () => reject(new Error('the connection was closed')));
  });
}

export interface ReceivingContext {
  url: string;
  signal: AbortSignal;
  meter: ReceivedMeter;
}

/** Writes a body as it comes; rejects when it is shorter or longer than was promised. */
export async function receiveInto(
  writer: FileWriter,
  { response, bytes }: Pick<RangeBody, 'response' | 'bytes'>,
  { url, signal, meter }: ReceivingContext,
): Promise<void> {
  let received = 0;
  await receiveBody(response, signal, (chunk) => {
    received += chunk.length;
    meter.add(chunk.length);
    writer.append(chunk);
  });
  if (bytes !== undefined && received !== bytes) throw toCutError(url, received, bytes);
}
