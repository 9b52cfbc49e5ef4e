import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';

const compress = promisify(zstdCompress);

/** One zstd frame at the library's own default level, with its size in its header (wire-protocol 4.4). Off the main thread. */
export function compressBody(body: Uint8Array): Promise<Uint8Array> {
  return compress(body, {
    pledgedSrcSize: body.byteLength,
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
  });
}
