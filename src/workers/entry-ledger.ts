import { DownloadError } from '../core/errors.ts';
import type { ArchiveLimits } from '../types/downloads.ts';

/** Names that Windows takes for devices in every folder, with any extension. */
const deviceName = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:\.|$)/i;
/** Separators, streams and wildcards of one system or another; controls, of direction too, show a name other than it is. */
const forbiddenCharacter = /[\p{Cc}\p{Bidi_Control}\\:*?"<>|]/u;
const maximumSegmentBytes = 255;

export interface AdmittedEntry {
  /** Relative to the target, with `/`; empty for the archive's own root folder. */
  name: string;
  /** Folders that must be made before it, outermost first; for a folder, itself included. */
  newFolders: string[];
}

interface KnownName {
  name: string;
  kind: 'file' | 'directory';
  /** Whether the archive has an entry for it; a folder may also just be named by what lies in it. */
  explicit: boolean;
}

/**
 * Decides which entries of an archive may be written. Throws DownloadError `unsafe_archive` for a name that could leave the
 * folder or mean another file on some system, for one that is there twice (case and Unicode form aside), and for too many
 * or too large entries. The rules of all systems hold on each, so a checkpoint can be moved between them.
 */
export class EntryLedger {
  readonly #limits: ArchiveLimits;
  readonly #names = new Map<string, KnownName>();
  #entryCount = 0;
  #totalBytes = 0;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  admit(entry: { path: string; kind: 'file' | 'directory'; sizeBytes: number }): AdmittedEntry {
    const { entryCount, totalBytes } = this.#limits;
    if (++this.#entryCount > entryCount)
      throw unsafe(`it has more than ${entryCount} entries (limit entryCount)`);
    this.#totalBytes += entry.sizeBytes;
    if (this.#totalBytes > totalBytes)
      throw unsafe(`it unpacks to more than ${totalBytes} bytes (limit totalBytes)`);
    const segments = this.#readPath(entry.path, entry.kind);
    const newFolders: string[] = [];
    const folderCount = entry.kind === 'directory' ? segments.length : segments.length - 1;
    for (let count = 1; count <= folderCount; count++) {
      const folder = segments.slice(0, count).join('/');
      const explicit = count === segments.length;
      if (this.#register({ name: folder, kind: 'directory', explicit })) newFolders.push(folder);
    }
    const name = segments.join('/');
    if (entry.kind === 'file') this.#register({ name, kind: 'file', explicit: true });
    return { name, newFolders };
  }

  /** True when the name is new. */
  #register(entry: KnownName): boolean {
    const key = entry.name.normalize('NFKC').toUpperCase().toLowerCase();
    const known = this.#names.get(key);
    if (known === undefined) {
      this.#names.set(key, entry);
      return true;
    }
    if (known.name !== entry.name)
      throw unsafe(`${quote(known.name)} and ${quote(entry.name)} differ only in case or form`);
    if (known.kind !== entry.kind) throw unsafe(`${quote(entry.name)} is both a file and a folder`);
    if (known.explicit && entry.explicit) throw unsafe(`${quote(entry.name)} is there twice`);
    known.explicit ||= entry.explicit;
    return false;
  }

  #readPath(path: string, kind: 'file' | 'directory'): string[] {
    const refuse = (why: string): DownloadError => unsafe(`the name ${quote(path)} ${why}`);
    // What Python writes for the folder that is packed, when it is packed without a name.
    if (path === '/' && kind === 'directory') return [];
    if (path.startsWith('/')) throw refuse('is absolute');
    if (forbiddenCharacter.test(path)) throw refuse('has a character that some systems give a meaning to');
    const trimmed = kind === 'directory' && path.endsWith('/') ? path.slice(0, -1) : path;
    const segments = trimmed.split('/').filter((segment) => segment !== '.');
    for (const segment of segments) {
      if (segment === '') throw refuse('has an empty part');
      if (segment === '..') throw refuse('leaves the folder');
      if (/[. ]$/.test(segment)) throw refuse('has a part that ends in a dot or a space');
      if (deviceName.test(segment)) throw refuse('is a device on Windows');
      if (Buffer.byteLength(segment) > maximumSegmentBytes)
        throw refuse(`has a part of more than ${maximumSegmentBytes} bytes`);
    }
    if (segments.length === 0 && kind === 'file') throw refuse('names no file');
    if (segments.length > this.#limits.depth)
      throw refuse(`is deeper than ${this.#limits.depth} folders (limit depth)`);
    return segments;
  }
}

function quote(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}

function unsafe(what: string): DownloadError {
  return new DownloadError('unsafe_archive', `The archive is refused: ${what}`);
}
