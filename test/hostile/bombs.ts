import { gzipped, tarOf, type RawEntry } from '../helpers/archives.ts';
import { config, type HostileArchive } from './hostile-archive.ts';
import { binarySize, sizeAt, tampered } from './tampering.ts';

/** Archives that are small, or say little, and would become too much. */
export function bombs(): HostileArchive[] {
  const zeros = Buffer.alloc(30_000_000);
  const limits = { totalBytes: 10_000_000 };
  const announcing = (sizeBytes: bigint): Buffer =>
    tarOf(config, tampered({ name: 'w.bin', body: 'x' }, sizeAt, binarySize(sizeBytes)));
  const many = Array.from({ length: 60 }, (_, index): RawEntry => ({ name: `f${index}` }));
  return [
    {
      name: 'gzip that swells',
      archive: gzipped(tarOf({ name: 'w.bin', body: zeros })),
      verdict: 'unsafe_archive',
      limits,
    },
    {
      name: 'gzip that swells behind its end',
      archive: gzipped(Buffer.concat([tarOf(config), zeros])),
      verdict: 'unsafe_archive',
      limits,
    },
    { name: 'member beyond the limit of all', archive: announcing(2n ** 41n), verdict: 'unsafe_archive' },
    { name: 'member beyond its archive', archive: announcing(2n ** 30n), verdict: 'corrupt_archive' },
    {
      name: 'too many entries',
      archive: tarOf(...many),
      verdict: 'unsafe_archive',
      limits: { entryCount: 50 },
    },
    {
      name: 'too large together',
      archive: tarOf(
        ...[1, 2, 3].map((index): RawEntry => ({ name: `w${index}`, body: Buffer.alloc(400_000) })),
      ),
      verdict: 'unsafe_archive',
      limits: { totalBytes: 1_000_000 },
    },
  ];
}
