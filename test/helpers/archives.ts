import { gzipSync } from 'node:zlib';

/** A tar writer of our own that also writes what no decent one would: for hostile archives. */

export interface RawEntry {
  name: string;
  body?: Buffer | string | undefined;
  /** Type flag: '0' file (default), '5' folder, '1' hard link, '2' symbolic link, '3' device, … */
  type?: string | undefined;
  linkName?: string | undefined;
  /** Declared size, when it shall differ from the body's. */
  size?: number | undefined;
  /** Octal; 644 by default. */
  mode?: string | undefined;
}

export const endMark = Buffer.alloc(1024);

export function tarEntry({
  name,
  body = '',
  type = '0',
  linkName = '',
  size,
  mode = '644',
}: RawEntry): Buffer {
  const content = Buffer.from(body);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, 'utf8');
  header.write(`${mode.padStart(7, '0')}\0`, 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write(`${(size ?? content.length).toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write(' '.repeat(8), 148, 'latin1');
  header.write(type, 156, 'latin1');
  header.write(linkName, 157, 100, 'utf8');
  header.write('ustar\u000000', 257, 'latin1');
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding]);
}

/** A pax header that gives the next entry attributes. */
export function paxEntry(records: Readonly<Record<string, string>>, type: 'x' | 'g' = 'x'): Buffer {
  const body = Object.entries(records)
    .map(([key, value]) => paxRecord(key, value))
    .join('');
  return tarEntry({ name: 'PaxHeader', type, body });
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const restBytes = Buffer.byteLength(rest);
  let length = restBytes + 1;
  while (String(length).length + restBytes !== length) length++;
  return `${length}${rest}`;
}

/** A whole archive with its end mark. */
export function tarOf(...entries: Array<RawEntry | Buffer>): Buffer {
  return Buffer.concat([
    ...entries.map((entry) => (Buffer.isBuffer(entry) ? entry : tarEntry(entry))),
    endMark,
  ]);
}

/** What a server gives for a sampler checkpoint: the adapter at the root. */
export function checkpointTar(weightsBytes = 3000): Buffer {
  return tarOf(
    { name: 'adapter_config.json', body: '{"r":8}' },
    { name: 'adapter_model.safetensors', body: tensorBytes(weightsBytes) },
    { name: 'checkpoint_complete', body: '' },
  );
}

/** A safetensors file of so many bytes: one tensor of bytes that differ from place to place. */
export function tensorBytes(sizeBytes: number, seed = 1): Buffer {
  const header = tensorHeader(sizeBytes);
  return Buffer.concat([header, patternBytes(sizeBytes - header.length, seed)]);
}

/** How a safetensors file of so many bytes begins: one tensor fills the rest. */
export function tensorHeader(sizeBytes: number): Buffer {
  const dataBytes = sizeBytes - 136;
  const tensors = { weight: { dtype: 'U8', shape: [dataBytes], data_offsets: [0, dataBytes] } };
  const header = Buffer.from(JSON.stringify(tensors).padEnd(128));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header]);
}

/** Bytes that differ from place to place, so that a wrong offset shows. */
export function patternBytes(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let state = seed;
  for (let index = 0; index < sizeBytes; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export function gzipped(archive: Buffer): Buffer {
  return gzipSync(archive, { level: 1 });
}
