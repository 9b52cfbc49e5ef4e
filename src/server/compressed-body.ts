import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, createZstdDecompress, gunzip, zstdDecompress, type InputType } from 'node:zlib';
import { HttpError } from './errors.ts';
import { messageOf } from '../core/thrown.ts';

interface Encoding {
  /** For counting without keeping anything. */
  open(options: { chunkSize: number }): Transform;
  unpack(body: InputType, options: { maxOutputLength: number }): Promise<Buffer>;
}

const encodings: Readonly<Record<string, Encoding>> = {
  zstd: { open: createZstdDecompress, unpack: promisify(zstdDecompress) },
  gzip: { open: createGunzip, unpack: promisify(gunzip) },
};

const countingChunkBytes = 256 * 1024;

/** Refuses an encoding that this server does not read, before the body arrives. */
export function checkContentEncoding(name: string | undefined): void {
  if (isPlain(name) || encodings[name.toLowerCase()] !== undefined) return;
  const known = Object.keys(encodings).join(' and ');
  throw new HttpError(415, `Content-Encoding ${name} is not supported by this server, which reads ${known}`);
}

/**
 * The body as it was before it was compressed. It is counted before any of it is kept, so that a few kilobytes that stand
 * for gigabytes cost no memory: 413 beyond `limitBytes`, 400 for what cannot be unpacked.
 */
export async function unpackBody(
  body: Buffer,
  name: string | undefined,
  limitBytes: number,
): Promise<Buffer> {
  const encoding = isPlain(name) ? undefined : encodings[name.toLowerCase()];
  if (encoding === undefined || body.length === 0) return body;
  try {
    await checkUnpackedSize(body, encoding, limitBytes);
    return await encoding.unpack(body, { maxOutputLength: limitBytes });
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, `The body is not complete ${name}: ${messageOf(error)}`);
  }
}

function isPlain(name: string | undefined): name is undefined | 'identity' {
  return name === undefined || name === 'identity';
}

async function checkUnpackedSize(body: Buffer, encoding: Encoding, limitBytes: number): Promise<void> {
  const unpacked = encoding.open({ chunkSize: countingChunkBytes });
  unpacked.end(body);
  let countBytes = 0;
  for await (const chunk of unpacked) {
    countBytes += (chunk as Buffer).length;
    if (countBytes > limitBytes) {
      throw new HttpError(
        413,
        `The body is larger than ${limitBytes} bytes when it is unpacked, which is more than this server takes`,
      );
    }
  }
}
