import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { DownloadError } from '../core/errors.ts';
import type { ArchiveLimits, DownloadedFile } from '../types/downloads.ts';
import { EntryLedger } from './entry-ledger.ts';
import { fileOperation } from './file-errors.ts';
import { openArchive, type OpenArchive } from './open-archive.ts';
import { writeFully } from './part-file.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { ExtractInput, ExtractOutcome, TaskContext } from './protocol.ts';
import { readTar, type TarMember } from './tar-reader.ts';
import { toArchiveOutcome } from './verify-task.ts';

/** Unpacks an archive into a new staging folder, each file synced to disk. Modes, owners and times are not taken over. */
export async function extractArchive(input: ExtractInput, context: TaskContext): Promise<ExtractOutcome> {
  try {
    await using archive = await openArchive(input.archivePath);
    await fileOperation(`create ${input.stagingPath}`, () => mkdir(input.stagingPath));
    const files = await unpack(archive, input, context);
    if (files.length === 0) throw new DownloadError('corrupt_archive', 'The archive holds no files');
    return { kind: 'extracted', files, size_bytes: files.reduce((sum, file) => sum + file.size_bytes, 0) };
  } catch (error) {
    return context.signal.aborted ? { kind: 'cancelled' } : toArchiveOutcome(error);
  }
}

async function unpack(
  archive: OpenArchive,
  { stagingPath, limits }: ExtractInput,
  { signal, post }: TaskContext,
): Promise<DownloadedFile[]> {
  const ledger = new EntryLedger(limits);
  const files: DownloadedFile[] = [];
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
  for await (const member of readTar(metered(archive.content, limits, onChunk))) {
    const { name, newFolders } = ledger.admit(member);
    for (const folder of newFolders) {
      const path = join(stagingPath, folder);
      await fileOperation(`create ${path}`, () => mkdir(path));
    }
    if (member.kind === 'directory') continue;
    await writeMember(join(stagingPath, name), member);
    files.push({ name, size_bytes: member.sizeBytes });
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

/** `wx`: whatever the ledger thinks, a file that is there is never written to, and a link never followed. */
async function writeMember(path: string, { body }: TarMember): Promise<void> {
  const handle = await fileOperation(`create ${path}`, () => open(path, 'wx'));
  try {
    let position = 0;
    for await (const chunk of body) {
      await fileOperation(`write ${path}`, () => writeFully(handle, chunk, position));
      position += chunk.length;
    }
    await fileOperation(`write ${path}`, () => handle.sync());
  } finally {
    await handle.close();
  }
}
