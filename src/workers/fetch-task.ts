import { FileWriter } from './file-writer.ts';
import type { FetchInput, FetchOutcome, ObjectFacts, TaskContext } from './protocol.ts';
import { getRange, toRequestFailed } from './ranged-get.ts';
import { receiveInto } from './receive-body.ts';
import { ReceivedMeter } from './received-meter.ts';
import { canReachBySocket, getBySocket } from './socket-get.ts';

/**
 * Fetches one piece of an object to its place in a file. What came of it is told as a piece, also when it broke off: unless
 * the server gave the object from its start, which nothing can be put behind.
 */
export async function fetchPiece(input: FetchInput, context: TaskContext): Promise<FetchOutcome> {
  const { known } = input;
  const outcome =
    known?.etag !== undefined && canReachBySocket(input.url)
      ? await fetchBySocket({ ...input, known }, context)
      : undefined;
  return outcome ?? fetchByClient(input, context);
}

/** The way of nearly all pieces; undefined when the server's answer is not simply that. */
async function fetchBySocket(
  {
    url,
    known,
    file,
    path,
    offset,
    objectOffset,
    length,
    stallTimeoutMs,
  }: FetchInput & { known: ObjectFacts },
  { signal, post }: TaskContext,
): Promise<FetchOutcome | undefined> {
  const writer = FileWriter.at(path, offset, { truncate: false });
  const meter = new ReceivedMeter(post);
  const sink = {
    onFacts: (facts: ObjectFacts) => post({ type: 'object', facts, whole: false }),
    room: () => writer.room(),
    take(byteCount: number) {
      meter.add(byteCount);
      writer.advance(byteCount);
    },
  };
  try {
    const request = { url, known, start: objectOffset, length, signal, stallTimeoutMs };
    const outcome = await getBySocket(request, sink);
    if (outcome === 'declined') return undefined;
    return outcome === 'received' ? { kind: 'fetched', whole: false } : outcome;
  } catch (error) {
    return toRequestFailed(error, url, signal);
  } finally {
    finish(writer, meter, { file, offset }, post, true);
  }
}

async function fetchByClient(input: FetchInput, context: TaskContext): Promise<FetchOutcome> {
  const { url, known, path, offset, objectOffset, length, stallTimeoutMs } = input;
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
      let ended = false;
      try {
        await receiveInto(writer, { response, bytes }, { url, signal, meter });
        ended = true;
      } finally {
        // Behind what broke off of a whole object nothing can be put.
        finish(writer, meter, input, post, ended || !whole);
      }
      return { kind: 'fetched', whole };
    } finally {
      response.destroy();
    }
  } catch (error) {
    return toRequestFailed(error, url, signal);
  }
}

/** Closes the file, and tells the piece that is on disk, if it is of use. */
function finish(
  writer: FileWriter,
  meter: ReceivedMeter,
  { file, offset }: Pick<FetchInput, 'file' | 'offset'>,
  post: TaskContext['post'],
  isOfUse: boolean,
): void {
  meter.finish();
  try {
    writer.close();
  } finally {
    const piece = writer.toPiece(file, offset);
    if (piece !== undefined && isOfUse) post({ type: 'pieces', pieces: [piece] });
  }
}
