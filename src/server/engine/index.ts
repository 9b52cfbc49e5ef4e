import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { EngineClient } from './engine-client.ts';
import type { Engine } from './engine.ts';

export { EngineError } from './engine-error.ts';

/**
 * Starts a training engine in a thread of its own; calls may follow at once. `modelsDirectory` holds the base models,
 * `<organization>/<name>/`. Seeds that a request does not give come from `randomSeed`, by default a random one.
 */
export function createEngine(options: { modelsDirectory: string; randomSeed?: bigint | undefined }): Engine {
  const entry = new URL(`./engine-thread${path.extname(import.meta.url)}`, import.meta.url);
  const randomSeed = options.randomSeed ?? randomBytes(8).readBigUInt64LE();
  return new EngineClient(entry, { modelsDirectory: options.modelsDirectory, randomSeed });
}
