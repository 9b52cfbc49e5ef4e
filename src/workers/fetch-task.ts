import { FileWriter } from './file-writer.ts';
import type { FetchInput, FetchOutcome, TaskContext } from './protocol.ts';
import { getRange, toCutError, toRequestFailed } from './ranged-get.ts';
import { receiveBody } from './receive-body.ts';
import { ReceivedMeter } from './received-meter.ts';

/**
 * Fetches one piece of an object to its place in a file. What came of it is told as a piece, also when it broke off: unless
 * the server gave the object from its start, which nothing can be put behind.
 */
export async function fetchPiece(input: FetchInput, context: TaskContext): Promise<FetchOutcome> {
  const { url, known, file, path, offset, objectOffset, length, stallTimeoutMs } = input;
  const { signal, post } = context;
  try {
    const body = await getRange({ url, known, start: objectOffset, length, signal, stallTimeoutMs });
    if (body.kind !== 'body') return body;
    const { response, facts, bytes, whole } = body;
    try {
      post({ type: 'object', facts, whole });
      // A server may give less of a range than was asked for, and never more.
      const writer = FileWriter.at(path, offset, { truncate: known === undefined });
      const meter = new ReceivedMeter(post);
      let received = 0;
      let ended = false;
      try {
        await receiveBody(response, signal, (chunk) => {
          received += chunk.length;
          meter.add(chunk.length);
          writer.append(chunk);
        });
        if (bytes !== undefined && received !== bytes) throw toCutError(url, received, bytes);
        ended = true;
      } finally {
        meter.finish();
        try {
          writer.close();
        } finally {
          const piece = writer.toPiece(file, offset);
          if (piece !== undefined && (ended || !whole)) post({ type: 'pieces', pieces: [piece] });
        }
      }
      return { kind: 'fetched', whole };
    } finally {
      response.destroy();
    }
  } catch (error) {
    return toRequestFailed(error, url, signal);
  }
}
