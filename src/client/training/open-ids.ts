import { ApiError } from '../../core/api-errors.ts';
import type { RequestOptions } from '../../types/options.ts';
import { postChunk, type ChunkSender } from './post-chunk.ts';

/**
 * Sequence ids of failed calls that the server may never have seen. A server that orders by id would hold back every later
 * call for them (wire-protocol 6.3), so each is taken by a request without effect before the next call is sent. Where the
 * failed request did arrive, the server knows the id and does nothing.
 */
export class OpenIds {
  readonly #sender: ChunkSender;
  readonly #ids = new Set<number>();

  constructor(sender: ChunkSender) {
    this.#sender = sender;
  }

  add(ids: readonly number[]): void {
    for (const id of ids) this.#ids.add(id);
  }

  /** Throws when the server does not come to look at a request; its id and those after it stay open. */
  async fill(model_id: string, options: RequestOptions): Promise<void> {
    for (const seq_id of this.#ids) {
      try {
        await postChunk(this.#sender, { model_id, seq_id, ...withoutEffect }, options);
      } catch (error) {
        if (!isAnswered(error)) throw error;
      }
      this.#ids.delete(seq_id);
    }
  }
}

/** Whether the server has judged what the request says, and so has seen its id; every other failure leaves that open. */
export function hasTakenId(error: unknown): boolean {
  return error instanceof ApiError && [404, 410, 422].includes(error.status);
}

/** Whether it is of no use to ask again; some servers answer 409 when they know the id by another request. */
function isAnswered(error: unknown): boolean {
  return (
    error instanceof ApiError && error.status < 500 && ![401, 402, 403, 408, 425, 429].includes(error.status)
  );
}

/** One token, forward only. */
const withoutEffect = {
  data: [
    {
      model_input: { chunks: [{ type: 'encoded_text', tokens: Int32Array.of(0) }] },
      loss_fn_inputs: {
        target_tokens: { dtype: 'int64', data: BigInt64Array.of(0n), shape: [1] },
        weights: { dtype: 'float32', data: Float32Array.of(0), shape: [1] },
      },
    },
  ],
  loss_fn: 'cross_entropy',
  forward_only: true,
} as const;
