import { DownloadError } from '../core/errors.ts';

/**
 * The records of a pax extended header, `<length> <key>=<value>\n` each, the length counting the whole record in bytes
 * (POSIX pax). Strict: what does not add up throws `corrupt_archive`, since readers that guess differ in what they see.
 */
export function parsePaxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let start = 0;
  while (start < body.length) {
    const space = body.indexOf(0x20, start);
    const lengthText = body.toString('latin1', start, Math.max(space, start));
    const end = start + Number(lengthText);
    const record = body.toString('utf8', space + 1, end - 1);
    const equals = record.indexOf('=');
    const isWhole =
      /^[1-9]\d{0,7}$/.test(lengthText) && end > space + 1 && end <= body.length && body[end - 1] === 0x0a;
    if (!isWhole || equals <= 0) {
      throw new DownloadError(
        'corrupt_archive',
        'The archive is damaged: the attributes of a member cannot be read',
      );
    }
    records.set(record.slice(0, equals), record.slice(equals + 1));
    start = end;
  }
  return records;
}
