import { z } from 'zod';
import { checkpointKinds, type CheckpointKey } from '../store/checkpoint-store.ts';

/** Path and query parameters that several routes share. */
export const sessionParams = z.object({ session: z.string() });
export const samplerParams = z.object({ sampler: z.string() });
export const runParams = z.object({ run: z.string() });

/** Where a checkpoint's id, which has two parts, stands in a path (wire-protocol 2.1); read into what names it. */
export const ofCheckpoint = '/training_runs/:run/checkpoints/:kind/:name';
export const checkpointParams = z
  .object({ run: z.string(), kind: z.enum(checkpointKinds), name: z.string() })
  .transform(({ run, kind, name }): CheckpointKey => ({ run_id: run, kind, name }));

/** Paging by offset. `access_scope` is accepted and changes nothing: here is one owner. */
export function pageOf(defaultLimit: number) {
  return z.object({
    limit: z.coerce.number().int().min(1).default(defaultLimit),
    offset: z.coerce.number().int().min(0).default(0),
  });
}
