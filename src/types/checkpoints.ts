import { z } from 'zod';

export const checkpointTypes = ['training', 'sampler', 'external'] as const;
export type CheckpointType = (typeof checkpointTypes)[number];

/** `checkpoint_id` includes the kind (`weights/0001`); address checkpoints by `tinker_path`. Times are the wire's strings. */
export const checkpointSchema = z.object({
  checkpoint_id: z.string(),
  checkpoint_type: z.enum(checkpointTypes),
  time: z.string(),
  tinker_path: z.string(),
  size_bytes: z.int().nullish(),
  public: z.boolean().default(false),
  user_metadata: z.record(z.string(), z.string()).nullish(),
  expires_at: z.string().nullish(),
  /** Of its run; newer servers say. */
  base_model: z.string().nullish(),
});
export type Checkpoint = z.output<typeof checkpointSchema>;

export const cursorSchema = z.object({ offset: z.int(), limit: z.int(), total_count: z.int() });
export type Cursor = z.output<typeof cursorSchema>;

export const checkpointsListResponseSchema = z.object({
  checkpoints: z.array(checkpointSchema),
  cursor: cursorSchema.nullish(),
});

export const setTtlRequestSchema = z.object({ ttl_seconds: z.int().nullable() });

export const archiveUrlResponseSchema = z.object({ url: z.string(), expires: z.string() });
/** A signed link to a checkpoint's archive. Treat `url` as a secret until `expires`. */
export type ArchiveUrlResponse = z.output<typeof archiveUrlResponseSchema>;

/** A file of that name would be lost on the way into an object, and nobody would miss it. */
const urlsByFile = z
  .unknown()
  .refine((urls) => !Object.hasOwn(Object(urls) as object, '__proto__'), 'a file may not be named __proto__')
  .pipe(z.record(z.string(), z.string()));

/** A signed link for each file of an export, by its path within it. Treat each as a secret until `expires`. */
export const externalWeightsUrlsResponseSchema = z.object({
  urls: urlsByFile,
  expires: z.string(),
});
export type ExternalWeightsUrlsResponse = z.output<typeof externalWeightsUrlsResponseSchema>;
