import { createHash } from 'node:crypto';
import { gzipped, tarOf, tensorHeader } from '../helpers/archives.ts';
import { noise } from '../helpers/noise.ts';

/** A checkpoint of the soak: what it is made of follows from its number. */
export interface SoakCheckpoint {
  run: string;
  path: string;
  kind: 'sampler_weights' | 'external_weights';
  /** Every eighth archive is in gzip. */
  isGzip: boolean;
  weightsBytes: number;
}

export const markerName = 'checkpoint_complete';

/** Half archives, half external weights, of one to six megabytes. */
export function planCheckpoints(count: number): SoakCheckpoint[] {
  return Array.from({ length: count }, (_, index): SoakCheckpoint => {
    const kind = index % 2 === 0 ? 'sampler_weights' : 'external_weights';
    const run = `soak:train:${index}`;
    return {
      run,
      kind,
      path: `tinker://${run}/${kind}/final`,
      isGzip: index % 16 === 0,
      weightsBytes: 1_000_000 + ((index * 7919) % 50) * 100_000 + index,
    };
  });
}

/** The files of a checkpoint, the same each time. */
export function filesOf({ run, kind, weightsBytes }: SoakCheckpoint): Map<string, Buffer> {
  const header = tensorHeader(weightsBytes);
  const weights = Buffer.concat([header, ...noise(run, weightsBytes - header.length)]);
  return new Map([
    ['adapter_config.json', Buffer.from(JSON.stringify({ r: 8, run }))],
    ['adapter_model.safetensors', weights],
    ...(kind === 'sampler_weights'
      ? [[markerName, Buffer.alloc(0)] as const]
      : [['tokenizer/tokenizer.json', Buffer.from(JSON.stringify({ of: run }))] as const]),
  ]);
}

export function archiveOf(checkpoint: SoakCheckpoint): Buffer {
  const entries = [...filesOf(checkpoint)].map(([name, body]) => ({ name, body }));
  const archive = tarOf(...entries);
  return checkpoint.isGzip ? gzipped(archive) : archive;
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The folder in which a download puts a checkpoint. */
export function folderOf({ run, kind }: SoakCheckpoint): string {
  return `${run}_${kind}_final`;
}
