import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DownloadError } from '../core/errors.ts';
import { fileOperation, toFileError } from './file-errors.ts';

const readBytes = 1024 * 1024;

export interface OpenArchive extends AsyncDisposable {
  /** Size of the file on disk. */
  sizeBytes: number;
  /** How much of the file has been read. */
  readonly consumedBytes: number;
  /** The tar stream, unpacked. What is damaged throws DownloadError `corrupt_archive`. */
  content: AsyncIterable<Buffer>;
}

/** Formats that are recognised only to be refused by name. */
const unsupportedFormats: ReadonlyArray<readonly [name: string, magic: string]> = [
  ['bzip2', '425a68'],
  ['xz', 'fd377a585a00'],
  ['zstd', '28b52ffd'],
  ['lz4', '04224d18'],
  ['zip', '504b0304'],
  ['7z', '377abcaf271c'],
];

/** What an archive is by its first bytes; what is no known format is taken for a plain tar, whose headers will tell. */
export function formatOf(magic: Buffer): string {
  if (magic[0] === 0x1f && magic[1] === 0x8b) return 'gzip';
  return unsupportedFormats.find(([, hex]) => magic.toString('hex').startsWith(hex))?.[0] ?? 'tar';
}

/** Opens a tar file, plain or in gzip, which its first bytes tell. Another format throws `corrupt_archive` by its name. */
export async function openArchive(path: string): Promise<OpenArchive> {
  return fileOperation(`read ${path}`, async () => {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
      return toArchive(handle, path, size, buffer.subarray(0, bytesRead));
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

function toArchive(handle: FileHandle, path: string, sizeBytes: number, magic: Buffer): OpenArchive {
  const format = formatOf(magic);
  if (format !== 'gzip' && format !== 'tar') {
    throw new DownloadError(
      'corrupt_archive',
      `The archive is in ${format}; only plain tar and gzip are supported`,
      {
        details: { format },
      },
    );
  }
  const stream = handle.createReadStream({ start: 0, highWaterMark: readBytes, autoClose: false });
  const content = format === 'gzip' ? gunzip(stream) : stream;
  return {
    sizeBytes,
    get consumedBytes() {
      return stream.bytesRead;
    },
    content: withClearErrors(content, path),
    async [Symbol.asyncDispose]() {
      stream.destroy();
      content.destroy();
      await handle.close();
    },
  };
}

function gunzip(stream: NodeJS.ReadableStream): ReturnType<typeof createGunzip> {
  // The callback is there for its errors, which the reader of the last stream gets as well.
  return pipeline(stream, createGunzip({ chunkSize: readBytes }), () => undefined);
}

async function* withClearErrors(stream: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    const isDamage = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    if (!isDamage) throw toFileError(error, `read ${path}`);
    throw new DownloadError('corrupt_archive', `The archive's gzip stream is damaged: ${error.message}`, {
      cause: error,
    });
  }
}
