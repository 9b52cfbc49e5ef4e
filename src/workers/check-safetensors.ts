import { closeSync, openSync, readSync } from 'node:fs';
import { DownloadError } from '../core/errors.ts';

/** A header larger than this is none (the format's own limit). */
const maximumHeaderBytes = 100_000_000;

/**
 * Compares a safetensors file with its own header: eight bytes of length, then JSON that says where each tensor lies. Tensors
 * must fill the file to its end, one behind the other. Throws DownloadError `corrupt_archive`.
 */
export function checkSafetensors(path: string, name: string, sizeBytes: number): void {
  const refuse = (why: string): never => {
    throw new DownloadError('corrupt_archive', `${name} is damaged: ${why}`);
  };
  const descriptor = openSync(path, 'r');
  try {
    const lengthBytes = Buffer.alloc(8);
    if (sizeBytes < 8 || readSync(descriptor, lengthBytes, 0, 8, 0) < 8) return refuse('it has no header');
    const headerBytes = Number(lengthBytes.readBigUInt64LE());
    if (headerBytes > maximumHeaderBytes || 8 + headerBytes > sizeBytes)
      return refuse(`its header is said to have ${headerBytes} bytes`);
    const header = Buffer.alloc(headerBytes);
    readSync(descriptor, header, 0, headerBytes, 8);
    const ends = readEnds(header) ?? refuse('its header is no list of tensors');
    const expectedBytes = 8 + headerBytes + Math.max(0, ...ends.map(([, end]) => end));
    if (expectedBytes !== sizeBytes)
      return refuse(`it has ${sizeBytes} bytes, and its header tells of ${expectedBytes}`);
    let position = 0;
    for (const [begin, end] of ends.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
      if (begin !== position || end < begin) return refuse('its tensors leave gaps or overlap');
      position = end;
    }
  } finally {
    closeSync(descriptor);
  }
}

function readEnds(header: Buffer): Array<[begin: number, end: number]> | undefined {
  try {
    const tensors = JSON.parse(header.toString('utf8')) as Record<string, { data_offsets?: unknown }>;
    const ends: Array<[number, number]> = [];
    for (const [name, tensor] of Object.entries(tensors)) {
      if (name === '__metadata__') continue;
      const offsets = tensor.data_offsets;
      if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(Number.isSafeInteger))
        return undefined;
      ends.push([Number(offsets[0]), Number(offsets[1])]);
    }
    return ends;
  } catch {
    return undefined;
  }
}
