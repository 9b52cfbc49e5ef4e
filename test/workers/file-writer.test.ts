import { describe, expect, test } from 'vitest';
import { FileWriter } from '../../src/workers/file-writer.ts';
import { patternBytes } from '../helpers/archives.ts';

describe('a device that is full', () => {
  test('ends a write with disk_full and what to do, and counts nothing of it as written', () => {
    const writer = FileWriter.at('/dev/full', 0, { truncate: false });
    writer.append(patternBytes(1000));
    let error: unknown;
    try {
      writer.close();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining('write /dev/full: no space is left (ENOSPC). Free disk space'),
      details: { errno: 'ENOSPC' },
    });
    expect(writer.toPiece('file', 0)).toBeUndefined();
  });
});
