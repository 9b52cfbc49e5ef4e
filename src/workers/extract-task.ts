import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DownloadError } from '../core/errors.ts';
import type { ArchiveLimits } from '../types/downloads.ts';
import { toArchiveOutcome } from './archive-outcome.ts';
import { ByteReader } from './byte-reader.ts';
import { compareChecksums } from './compare-checksums.ts';
import { EntryLedger } from './entry-ledger.ts';
import { fileOperation } from './file-errors.ts';
import { FileWriter } from './file-writer.ts';
import { openArchive, type OpenArchive } from './open-archive.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { ExtractInput, ExtractOutcome, PlacedFile, TaskContext } from './protocol.ts';
import { SyncQueue } from './sync-to-disk.ts';
import { readTar, type TarMember } from './tar-reader.ts';

/** Unpacks an archive from disk into a new folder. Modes, owners and times are not taken over. */
export async function extractArchive(input: ExtractInput, context: TaskContext): Promise<ExtractOutcome> {
  try {
    const { archivePath, expected } = input;
    if (expected !== undefined) {
      const archive = { name: 'the archive', crc32c: expected.crc32c };
      await compareChecksums(archivePath, archive, expected.checksums, context.signal);
    }
    await using archive = await openArchive(archivePath);
    await fileOperation(`create ${input.folder}`, () => mkdir(input.folder));
    const files = await unpack(archive, input, context);
    if (files.length === 0) throw new DownloadError('corrupt_archive', 'The archive holds no files');
    return { kind: 'extracted', files };
  } catch (error) {
    return context.signal.aborted ? { kind: 'cancelled' } : toArchiveOutcome(error);
  }
}

async function unpack(
  archive: OpenArchive,
  { folder: root, limits }: ExtractInput,
  { signal, post }: TaskContext,
): Promise<PlacedFile[]> {
  const ledger = new EntryLedger(limits);
  const files: PlacedFile[] = [];
  const meter = new ProgressMeter({
    phase: 'extracting',
    startBytes: 0,
    totalBytes: archive.sizeBytes,
    now: () => performance.now(),
    report: (progress) => post({ type: 'progress', progress }),
  });
  const onChunk = (): void => {
    signal.throwIfAborted();
    meter.update(archive.consumedBytes);
  };
  const syncs = new SyncQueue();
  try {
    for await (const member of readTar(new ByteReader(metered(archive.content, limits, onChunk)))) {
      const { name, newFolders } = ledger.admit(member);
      for (const folder of newFolders) {
        const path = join(root, folder);
        await fileOperation(`create ${path}`, () => mkdir(path));
      }
      if (member.kind === 'directory') continue;
      const crc32c = await writeMember(join(root, name), member, syncs);
      files.push({ name, size_bytes: member.sizeBytes, crc32c });
    }
    await syncs.finish();
  } finally {
    await syncs.settle();
  }
  meter.finish();
  return files;
}

/** Limits what a small compressed archive can blow itself up to, headers and padding included. */
async function* metered(
  content: AsyncIterable<Buffer>,
  { totalBytes }: ArchiveLimits,
  onChunk: () => void,
): AsyncGenerator<Buffer> {
  let seenBytes = 0;
  for await (const chunk of content) {
    seenBytes += chunk.length;
    if (seenBytes > totalBytes) {
      throw new DownloadError(
        'unsafe_archive',
        `The archive is refused: it unpacks to more than ${totalBytes} bytes (limit totalBytes)`,
      );
    }
    onChunk();
    yield chunk;
  }
}

async function writeMember(path: string, member: TarMember, syncs: SyncQueue): Promise<number> {
  const writer = FileWriter.create(path);
  try {
    for (let chunk = await member.read(); chunk.length > 0; chunk = await member.read()) writer.append(chunk);
    writer.flush();
  } finally {
    await syncs.add(writer);
  }
  return writer.toPiece(path, 0)?.crc32c ?? 0;
}
