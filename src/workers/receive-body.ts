import type { IncomingMessage } from 'node:http';

/** Calls `onChunk` for each chunk until the body ends. Rejects with what breaks the body, what `onChunk` throws, or the signal's reason. */
export function receiveBody(
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
