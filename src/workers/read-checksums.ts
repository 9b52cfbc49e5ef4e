import type { IncomingHttpHeaders } from 'node:http';
import type { ObjectChecksums } from './protocol.ts';

/**
 * The checksums of a whole object that came with an answer, also with a part of it. `Content-MD5` is of the body that was
 * sent, so it counts only where the body is the object.
 */
export function readChecksums(headers: IncomingHttpHeaders): ObjectChecksums | undefined {
  const found: ObjectChecksums = {};
  // Of an object that is unpacked for its readers the store knows the packed one.
  const stored = headers['x-goog-stored-content-encoding'] ?? 'identity';
  for (const [name, value] of stored === 'identity' ? listItems(headers['x-goog-hash']) : []) {
    if (name === 'crc32c') found.crc32c = value;
    if (name === 'md5') found.md5 = value;
  }
  for (const header of ['repr-digest', 'digest']) {
    for (const [name, value] of listItems(headers[header]))
      if (name.toLowerCase() === 'sha-256') found.sha256 ??= value.replaceAll(/^:|:$/g, '');
  }
  const contentMd5 = headers['content-md5'];
  if (typeof contentMd5 === 'string' && headers['content-range'] === undefined) found.md5 ??= contentMd5;
  const storeMd5 = readStoreEtag(headers);
  if (storeMd5 !== undefined) found.md5 ??= storeMd5;
  return Object.keys(found).length === 0 ? undefined : found;
}

/** S3 makes the ETag of an object that was put in one part from its MD5; elsewhere 32 hex digits may be anything. */
function readStoreEtag(headers: IncomingHttpHeaders): string | undefined {
  const isS3 = headers['x-amz-request-id'] !== undefined || headers.server === 'AmazonS3';
  const encryption = headers['x-amz-server-side-encryption'];
  const isPlain = encryption === undefined || encryption === 'AES256';
  const hex = /^"([0-9a-f]{32})"$/.exec(headers.etag ?? '')?.[1];
  return isS3 && isPlain && hex !== undefined ? Buffer.from(hex, 'hex').toString('base64') : undefined;
}

function listItems(header: string | string[] | undefined): Array<[name: string, value: string]> {
  const items = (Array.isArray(header) ? header : [header ?? '']).join(',').split(',');
  return items.flatMap((item) => {
    const equals = item.indexOf('=');
    return equals < 0 ? [] : [[item.slice(0, equals).trim(), item.slice(equals + 1).trim()]];
  });
}
