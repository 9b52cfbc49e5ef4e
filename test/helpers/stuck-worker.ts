import type { TaskEnvelope } from '../../src/workers/entry.ts';

/** Tasks that misbehave, for the pool's tests. */

/** Starts, and then never looks at its messages again. */
export function verify({ port }: TaskEnvelope<'verify'>): never {
  port.postMessage({ type: 'started' });
  for (;;);
}

/** Takes its thread with it. */
export function extract(): never {
  process.exit(3);
}
