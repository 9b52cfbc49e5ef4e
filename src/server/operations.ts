import { toOperationError } from './errors.ts';
import type { Future, FutureTable } from './future-table.ts';
import type { Job } from './model-queue.ts';
import type { OperationResult } from './wire/results.ts';

/** An operation as something that a queue can run: its result or failure becomes the outcome of its future. */
export function toJob(futures: FutureTable, future: Future, operation: () => Promise<OperationResult>): Job {
  return {
    run: async () => {
      try {
        futures.settle(future, { result: await operation() });
      } catch (error) {
        futures.settle(future, { error: toOperationError(error) });
      }
    },
    fail: (error) => futures.settle(future, { error }),
  };
}
