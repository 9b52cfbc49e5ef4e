import { Header } from 'tar/header';
import { DownloadError } from '../core/errors.ts';
import type { ByteSource } from './byte-reader.ts';
import { parsePaxRecords } from './pax-records.ts';

/**
 * Walks a tar stream member by member. Headers are decoded by the library; the walk is ours because the library's parser
 * does not notice an archive that is cut between members or goes on after its end, and keeps what follows in memory.
 */

const blockBytes = 512;
/** Of a long name or of extended attributes; what is longer is an attack on memory. */
const maximumMetadataBytes = 1024 * 1024;
const nothing: Buffer = Buffer.alloc(0);

export interface TarMember {
  /** As the archive has it: not yet checked. */
  path: string;
  kind: 'file' | 'directory';
  sizeBytes: number;
  /**
   * The next bytes of the content, as they come; none at its end. They are there until more are read, and are read before the
   * next member is asked for; what is left unread is skipped.
   */
  read: () => Promise<Buffer>;
}

/** Names and sizes too long for the header of the member that follows. */
interface Extension {
  path?: string | undefined;
  sizeBytes?: number | undefined;
}

/**
 * The members of a tar archive. Throws DownloadError `corrupt_archive` for what is damaged, cut off or followed by other
 * bytes, `unsafe_archive` for members that are neither files nor folders.
 */
export async function* readTar(reader: ByteSource): AsyncGenerator<TarMember> {
  let extension: Extension = {};
  for (;;) {
    const header = await readHeader(reader);
    if (header.nullBlock) {
      await expectOnlyZeros(reader);
      return;
    }
    const found = await readExtension(header, reader);
    if (found !== undefined) {
      extension = { ...extension, ...found };
      continue;
    }
    const { skipRest, ...member } = openMember(header, extension, reader);
    extension = {};
    yield member;
    await skipRest();
  }
}

async function readHeader(reader: ByteSource): Promise<Header> {
  const block = await reader.take(blockBytes);
  if (block.length === 0) throw corrupt('it ends without its end mark');
  if (block.length < blockBytes) throw corrupt('it ends within a header');
  let header: Header;
  try {
    header = new Header(block);
  } catch (error) {
    throw corrupt(`a header cannot be read (${String(error)})`);
  }
  if (!header.nullBlock && !header.cksumValid)
    throw corrupt('a header has a wrong checksum: no tar, or a damaged one');
  return header;
}

/** What the header says about the member after it; undefined when it is a member itself. */
async function readExtension(header: Header, reader: ByteSource): Promise<Extension | undefined> {
  switch (header.type as string) {
    case 'NextFileHasLongPath':
    case 'OldGnuLongPath':
      return { path: (await readMetadata(header, reader)).toString('utf8').replace(/\0[^]*$/, '') };
    case 'ExtendedHeader':
    case 'OldExtendedHeader':
      return toExtension(parsePaxRecords(await readMetadata(header, reader)));
    case 'GlobalExtendedHeader': {
      const { path, sizeBytes } = toExtension(parsePaxRecords(await readMetadata(header, reader)));
      if (path !== undefined || sizeBytes !== undefined)
        throw unsafe('it has one name or size for all of its members');
      return {};
    }
    default:
      return undefined;
  }
}

async function readMetadata(header: Header, reader: ByteSource): Promise<Buffer> {
  const sizeBytes = readSize(header.size);
  if (sizeBytes > maximumMetadataBytes)
    throw unsafe(`it has ${sizeBytes} bytes of attributes for one member`);
  const padded = await reader.take(paddedSize(sizeBytes));
  if (padded.length < paddedSize(sizeBytes)) throw corrupt('it ends within the attributes of a member');
  return padded.subarray(0, sizeBytes);
}

function toExtension(records: ReadonlyMap<string, string>): Extension {
  for (const key of records.keys()) {
    if (key.startsWith('GNU.sparse.')) throw unsafe('it holds a sparse file');
    if (key === 'linkpath') throw unsafe('it holds a link');
  }
  const extension: Extension = {};
  const path = records.get('path');
  const size = records.get('size');
  if (path !== undefined) extension.path = path;
  if (size !== undefined) extension.sizeBytes = readSize(/^\d+$/.test(size) ? Number(size) : undefined);
  return extension;
}

function openMember(
  header: Header,
  extension: Extension,
  reader: ByteSource,
): TarMember & { skipRest: () => Promise<void> } {
  const path = extension.path ?? header.path ?? '';
  const kind = readKind(header, path);
  const sizeBytes = kind === 'directory' ? 0 : (extension.sizeBytes ?? readSize(header.size));
  let remaining = sizeBytes;
  const read = async (): Promise<Buffer> => {
    if (remaining === 0) return nothing;
    const piece = await reader.takeSome(remaining);
    if (piece.length === 0)
      throw corrupt(`it ends ${remaining} bytes before the end of ${JSON.stringify(path)}`);
    remaining -= piece.length;
    return piece;
  };
  const skipRest = async (): Promise<void> => {
    await reader.skip(remaining);
    const padding = paddedSize(sizeBytes) - sizeBytes;
    if (padding > 0 && (await reader.take(padding)).length < padding)
      throw corrupt(`it ends within the padding of ${JSON.stringify(path)}`);
  };
  return { path, kind, sizeBytes, read, skipRest };
}

function readKind(header: Header, path: string): TarMember['kind'] {
  if (header.type === 'Directory') return 'directory';
  if (header.type !== 'File' && header.type !== 'OldFile') {
    throw unsafe(`${JSON.stringify(path)} is neither a file nor a folder but of type ${header.type}`);
  }
  if (!path.endsWith('/')) return 'file';
  if (header.size === 0) return 'directory';
  throw corrupt(`${JSON.stringify(path)} is named as a folder and has content`);
}

/** After the end mark a tar may be padded with zeros, and with nothing else. */
async function expectOnlyZeros(reader: ByteSource): Promise<void> {
  const zeros = Buffer.alloc(64 * 1024);
  for (;;) {
    const piece = await reader.takeSome(zeros.length);
    if (piece.length === 0) return;
    if (!piece.equals(zeros.subarray(0, piece.length))) throw corrupt('other bytes follow its end mark');
  }
}

function readSize(size: number | undefined): number {
  if (size === undefined || !Number.isSafeInteger(size) || size < 0)
    throw corrupt('a member has no readable size');
  return size;
}

export function paddedSize(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes) * blockBytes;
}

function corrupt(what: string): DownloadError {
  return new DownloadError('corrupt_archive', `The archive is damaged: ${what}`);
}

function unsafe(what: string): DownloadError {
  return new DownloadError('unsafe_archive', `The archive is refused: ${what}`);
}
