import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineCrc32c } from '../../../src/workers/combine-crc32c.ts';
import { crc32c, toCrc32cText } from '../../../src/workers/crc32c.ts';

describe('crc32c', () => {
  test('is the known checksum, in the spelling of storage services too', () => {
    const checksum = crc32c(Buffer.from('123456789'));
    expect(checksum).toBe(0xe3069283);
    expect(toCrc32cText(checksum)).toBe('4waSgw==');
  });

  test('can be gone on with, and put together from two', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 3000 }), (first, second) => {
        const both = crc32c(Buffer.concat([first, second]));
        expect(crc32c(second, crc32c(first))).toBe(both);
        expect(combineCrc32c(crc32c(first), crc32c(second), second.length)).toBe(both);
      }),
    );
  });
});
