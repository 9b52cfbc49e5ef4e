import { z } from 'zod';

/** One line of a download's journal. Names and sizes, never an address: what it says is checked against the disk. */
export const journalLineSchema = z.union([
  z.strictObject({
    version: z.literal(1),
    tinker_path: z.string(),
    source: z.enum(['archive', 'external_weights']),
    /** Made for this download, and used again while it lives: of another one no byte here would be known to belong to it. */
    temporary_export: z
      .string()
      .regex(/^tinker:\/\/[^/]+\/external_weights\/[^/]+$/)
      .optional(),
  }),
  /** What the server said of an object: the archive, or a file of an export. */
  z.strictObject({
    object: z.string(),
    etag: z.string(),
    size_bytes: z.int().min(0),
    checksums: z
      .object({ crc32c: z.string().optional(), md5: z.string().optional(), sha256: z.string().optional() })
      .optional(),
  }),
  /** A member of the archive. */
  z.strictObject({
    entry: z.string(),
    kind: z.enum(['file', 'directory']),
    size_bytes: z.int().min(0),
    offset: z.int().min(0),
    next: z.int().min(0),
    gap_crc32c: z.int().min(0),
  }),
  /** The archive goes to disk as it is. */
  z.strictObject({ packed: z.literal(true) }),
  /** The walk over the headers of the archive has come to its end. */
  z.strictObject({ scanned: z.literal(true), gap_crc32c: z.int().min(0) }),
  z.strictObject({
    piece: z.string(),
    offset: z.int().min(0),
    length: z.int().min(1),
    crc32c: z.int().min(0),
  }),
]);
export type JournalLine = z.output<typeof journalLineSchema>;

/** What is written beside a finished folder. */
export const manifestSchema = z.object({
  version: z.literal(1),
  tinker_path: z.string(),
  downloaded_at: z.string(),
  source: z.enum(['archive', 'external_weights']),
  files: z.array(
    z.object({
      name: z.string(),
      size_bytes: z.int().min(0),
      /** Eight hexadecimal digits. */
      crc32c: z.string().regex(/^[0-9a-f]{8}$/),
    }),
  ),
});
export type Manifest = z.output<typeof manifestSchema>;
