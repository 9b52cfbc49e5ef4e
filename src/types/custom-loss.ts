import { z } from 'zod';
import type { Datum } from './datum.ts';

/** What a custom loss is given. */
export interface CustomLossInput {
  /** The datums of the call, as the caller gave them: inputs that only the loss reads are never sent. */
  data: readonly Datum[];
  /** Log-probabilities of each datum's targets under the model, row-major in the shape of its `target_tokens`. */
  logprobs: readonly Float32Array[];
  /** The shape of each datum's `target_tokens`: `[T]` or `[T, K]`. */
  shapes: readonly (readonly number[])[];
  /** Aborts when the caller gives the call up. */
  signal: AbortSignal;
}

export interface CustomLossValue {
  /** The loss of the whole call, a finite number. It becomes the metric `loss:sum`. */
  loss: number;
  /** Its derivative by each log-probability: one array per datum, as long as the datum's `logprobs`. */
  gradients: readonly ArrayLike<number>[];
  /** Added to the metrics of the result as they are. */
  metrics?: Readonly<Record<string, number>> | undefined;
}

/** A loss that the caller computes from log-probabilities. */
export type CustomLoss = (input: CustomLossInput) => CustomLossValue | Promise<CustomLossValue>;

const nodeSchema = z.strictObject({
  op: z.enum(['placeholder', 'get_attr', 'call_function', 'call_method', 'call_module', 'output']),
  name: z.string(),
  /** A parameter, a qualified function such as `torch.exp` or `operator.mul`, a method, or `output`. */
  target: z.string(),
  args: z.array(z.unknown()).default([]),
  kwargs: z.record(z.string(), z.unknown()).default({}),
});

const inputSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,63}$/, 'must be a lowercase name of letters, digits and underscores'),
  /** 0 is a scalar, 1 is `[T]`, 2 is `[T, K]`. */
  rank: z.literal([0, 1, 2]),
});

/** A loss of one datum as torch.fx has recorded it, in the form that the official client uploads (wire-protocol 2.41). */
export const tracedLossSchema = z.strictObject({
  name: z.string().min(1),
  /** What the loss reads, in its order: `logprobs` first, then keys of `loss_fn_inputs`. */
  inputs: z
    .array(inputSchema)
    .min(1)
    .max(16)
    .refine(
      ([first]) => first?.name === 'logprobs' && first.rank > 0,
      'must begin with logprobs, of rank 1 or 2',
    ),
  graph: z.strictObject({ format: z.literal(1).default(1), nodes: z.array(nodeSchema).min(1) }),
});
export type TracedLoss = z.input<typeof tracedLossSchema>;

export interface CreateCustomLossRequest extends z.output<typeof tracedLossSchema> {
  session_id: string;
  /** Counted in the session, from 0. */
  custom_loss_seq_id: number;
}

export const createCustomLossResponseSchema = z.object({ loss_id: z.string() });

/** A loss that the server has, for the models of one session. */
export interface UploadedLoss {
  loss_id: string;
  name: string;
  inputs: readonly { name: string; rank: 0 | 1 | 2 }[];
}
