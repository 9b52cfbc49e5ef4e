import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { DownloadError } from '../core/errors.ts';
import { messageOf } from '../core/thrown.ts';
import { fileOperation } from './file-errors.ts';
import { FileWriter } from './file-writer.ts';
import type { PlacedFile } from './protocol.ts';

const suffix = '.age';

export function isEncrypted(name: string): boolean {
  return name.endsWith(suffix) && name.length > suffix.length;
}

export function plainNameOf(name: string): string {
  return name.slice(0, -suffix.length);
}

/** Writes what is in an age file beside it, without the suffix. `identities` are secrets: no error repeats one. */
export async function decryptFile(
  path: string,
  name: string,
  identities: readonly string[],
  signal: AbortSignal,
): Promise<PlacedFile> {
  const content = await fileOperation(`read ${path}`, () => openPlain(path, identities)).catch(
    (error: unknown) => {
      throw error instanceof DownloadError ? error : refuse(name, error);
    },
  );
  const plainName = plainNameOf(name);
  const writer = FileWriter.replace(plainNameOf(path));
  try {
    for await (const chunk of content) {
      signal.throwIfAborted();
      writer.append(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    }
  } catch (error) {
    throw signal.aborted || error instanceof DownloadError ? error : refuse(name, error);
  } finally {
    await writer.closeSynced();
  }
  const { length = 0, crc32c = 0 } = writer.toPiece(plainName, 0) ?? {};
  return { name: plainName, size_bytes: length, crc32c };
}

async function openPlain(path: string, identities: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
  // Few exports are encrypted, and each thread would read all of the library as it starts.
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  const encrypted = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  return await decrypter.decrypt(encrypted);
}

/** The library's words are about the format, and never hold a key. */
function refuse(name: string, error: unknown): DownloadError {
  const reason = messageOf(error);
  return new DownloadError('decryption_failed', `${name} cannot be decrypted: ${reason}`, { cause: error });
}
