import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DownloadError } from '../core/errors.ts';
import { toArchiveOutcome } from './archive-outcome.ts';
import { EntryLedger } from './entry-ledger.ts';
import { toFileError } from './file-errors.ts';
import { FileWriter } from './file-writer.ts';
import { formatOf } from './open-archive.ts';
import { archiveFile, type ScanInput, type ScanOutcome, type TaskContext } from './protocol.ts';
import { firstWindowBytes, RangeReader, WindowRefused } from './range-reader.ts';
import { toRequestFailed } from './range-request.ts';
import { RangeStream } from './range-stream.ts';
import { ReceivedMeter } from './received-meter.ts';
import { SyncQueue } from './sync-to-disk.ts';
import { FoundMembers } from './found-members.ts';
import { GapSource } from './gap-source.ts';
import { paddedSize, readTar, type TarMember } from './tar-reader.ts';

/** What lies further in a member than this beyond the window is left to others, and jumped over. */
const longestDetourBytes = 4 * 1024 * 1024;

/**
 * Unpacks a plain tar straight from the server: walks its headers, writes small members itself, and tells of large ones so
 * that others fetch them into their files at the same time. What is compressed, or cannot be had in ranges, goes to disk
 * as it is. The rules of the archive are those of unpacking one on disk.
 */
export async function scanArchive(input: ScanInput, context: TaskContext): Promise<ScanOutcome> {
  const meter = new ReceivedMeter(context.post);
  try {
    return await scan(input, context, meter);
  } catch (error) {
    if (error instanceof WindowRefused) return error.outcome;
    if (context.signal.aborted) return { kind: 'cancelled' };
    return error instanceof DownloadError
      ? toArchiveOutcome(error)
      : toRequestFailed(error, input.url, context.signal);
  } finally {
    meter.finish();
  }
}

async function scan(input: ScanInput, context: TaskContext, meter: ReceivedMeter): Promise<ScanOutcome> {
  const { url, known, entries, stallTimeoutMs } = input;
  const { signal } = context;
  const request = { url, known, signal, stallTimeoutMs };
  const last = entries.at(-1);
  // The padding of the last member may not have come.
  const start = last === undefined ? 0 : last.offset + last.sizeBytes;
  const onReceived = (bytes: number): void => meter.add(bytes);
  let reader: RangeReader;
  if (known === undefined) {
    const opened = await RangeStream.open({ ...request, start, length: firstWindowBytes });
    if (opened.kind !== 'stream') return opened;
    const { stream, body } = opened;
    const { facts, whole, bytes = 0 } = body;
    context.post({ type: 'object', facts, whole });
    if (whole) return await receiveWhole(stream, input, context, meter);
    reader = new RangeReader({ ...request, known: facts, start, onReceived }, { stream, bytes });
  } else {
    reader = new RangeReader({ ...request, known, start, onReceived });
  }
  try {
    if (start === 0 && !(await isPlainTar(reader))) return await keepWindow(reader, input, context);
    return { kind: 'scanned', gapCrc32c: await walk(reader, input, context) };
  } finally {
    reader.close();
  }
}

async function isPlainTar(reader: RangeReader): Promise<boolean> {
  const magic = await reader.take(8);
  reader.putBack(magic);
  return formatOf(magic) === 'tar';
}

/** The one body that the server gives, all of it. */
async function receiveWhole(
  stream: RangeStream,
  { archivePath }: ScanInput,
  { signal, post }: TaskContext,
  meter: ReceivedMeter,
): Promise<ScanOutcome> {
  const writer = FileWriter.replace(archivePath);
  try {
    for (let chunk = await stream.next(); chunk.length > 0; chunk = await stream.next()) {
      signal.throwIfAborted();
      meter.add(chunk.length);
      writer.append(chunk);
    }
  } finally {
    stream.close();
    writer.close();
  }
  const piece = writer.toPiece(archiveFile, 0);
  post({ type: 'pieces', pieces: piece === undefined ? [] : [piece] });
  return { kind: 'packed', whole: true };
}

/** The beginning of an archive that is to be fetched as it is: what has been asked for already. */
async function keepWindow(
  reader: RangeReader,
  { archivePath }: ScanInput,
  { signal, post }: TaskContext,
): Promise<ScanOutcome> {
  const writer = FileWriter.replace(archivePath);
  try {
    while (reader.windowLeft > 0) {
      writer.append(await reader.takeSome(reader.windowLeft));
      signal.throwIfAborted();
    }
  } finally {
    try {
      writer.close();
    } finally {
      const piece = writer.toPiece(archiveFile, 0);
      if (piece !== undefined) post({ type: 'pieces', pieces: [piece] });
    }
  }
  return { kind: 'packed', whole: false };
}

/** Gives the checksum of what follows the last member. */
async function walk(
  reader: RangeReader,
  { folder, limits, entries }: ScanInput,
  { signal, post }: TaskContext,
): Promise<number> {
  const ledger = new EntryLedger(limits);
  for (const entry of entries) ledger.admit(entry);
  const found = new FoundMembers(post);
  const syncs = new SyncQueue();
  const gaps = new GapSource(reader);
  try {
    await gaps.take((entries.at(-1)?.next ?? 0) - reader.position);
    for await (const member of readTar(gaps)) {
      signal.throwIfAborted();
      const gapCrc32c = gaps.finish();
      const { name, newFolders } = ledger.admit(member);
      for (const newFolder of newFolders) makeFolder(join(folder, newFolder));
      const { path, kind, sizeBytes } = member;
      const offset = reader.position;
      const entry = { path, name, kind, sizeBytes, offset, next: offset + paddedSize(sizeBytes), gapCrc32c };
      gaps.isInMember = true;
      if (kind === 'directory') found.add(entry);
      else await placeMember(join(folder, name), { entry, member, reader, found, syncs, signal });
      gaps.isInMember = false;
    }
    await syncs.finish();
    return gaps.finish();
  } finally {
    found.tell();
    await syncs.settle();
  }
}

interface Placing {
  entry: Parameters<FoundMembers['add']>[0];
  member: TarMember;
  reader: RangeReader;
  found: FoundMembers;
  syncs: SyncQueue;
  signal: AbortSignal;
}

async function placeMember(
  path: string,
  { entry, member, reader, found, syncs, signal }: Placing,
): Promise<void> {
  const { name, sizeBytes } = entry;
  const isLong = sizeBytes - reader.windowLeft > longestDetourBytes;
  const ownBytes = isLong ? reader.windowLeft : sizeBytes;
  const writer = FileWriter.replace(path);
  if (isLong) found.tellLong(entry, ownBytes);
  try {
    for (let left = ownBytes; left > 0;) {
      const chunk = await member.read();
      signal.throwIfAborted();
      writer.append(chunk);
      left -= chunk.length;
    }
  } finally {
    try {
      writer.flush();
    } finally {
      const piece = writer.toPiece(name, 0);
      if (isLong) found.addPiece(piece);
      else found.add(entry, piece);
      const farBehind = syncs.add(writer);
      if (farBehind !== undefined) await farBehind;
    }
  }
}

/** One that an attempt before has made is there already. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw toFileError(error, `create ${path}`);
  }
}
