import { checkOptionNames } from '../../core/config.ts';
import { withDeadline } from '../../core/deadline.ts';
import type { Emitter } from '../../core/emitter.ts';
import { ClientClosedError, InvalidArgumentError } from '../../core/errors.ts';
import { attributed } from '../../core/sdk-method.ts';
import { createCustomLoss } from '../../http/endpoints/training.ts';
import { signalOfEnd } from '../../machines/actor-life.ts';
import type { TrainingRef } from '../../machines/client-request.ts';
import type { ClientLife } from '../../types/client-life.ts';
import {
  createCustomLossResponseSchema,
  tracedLossSchema,
  type CreateCustomLossRequest,
  type TracedLoss,
  type UploadedLoss,
} from '../../types/custom-loss.ts';
import type { Datum } from '../../types/datum.ts';
import type { TrainingEvents } from '../../types/events.ts';
import type { LossChoice } from '../../types/loss.ts';
import { requestOptionNames, type RequestOptions } from '../../types/options.ts';
import { pollFuture } from '../poll-future.ts';
import { jsonResult } from '../results.ts';
import type { ServiceRuntime } from '../runtime.ts';
import { shapeOf } from './check-tensor.ts';

interface LossUploadParts {
  session_id: string;
  runtime: ServiceRuntime;
  actor: TrainingRef;
  life: ClientLife;
  emitter: Emitter<TrainingEvents>;
}

/** Losses that were traced elsewhere, on their way to the server (wire-protocol 2.41). They take no place in the line. */
export class LossUploads {
  readonly #parts: LossUploadParts;

  constructor(parts: LossUploadParts) {
    this.#parts = parts;
  }

  async upload(loss: TracedLoss, options: RequestOptions): Promise<UploadedLoss> {
    const { runtime, actor, life, session_id } = this.#parts;
    checkOptionNames('createCustomLoss options', options, requestOptionNames);
    const traced = checkTracedLoss(runtime, loss);
    if (!life.isOpen)
      throw life.failure ?? new ClientClosedError('createCustomLoss: this training client is closed');
    const custom_loss_seq_id = runtime.counters.nextCustomLossSeqId();
    const end = signalOfEnd(actor, 'the training client');
    return withDeadline('createCustomLoss', options, runtime.api.connection.clock, async (signal) => {
      const ends = signal === undefined ? end : AbortSignal.any([signal, end]);
      const sending = { ...options, timeoutMs: undefined, signal: ends };
      return this.#send({ session_id, custom_loss_seq_id, ...traced }, sending);
    });
  }

  async #send(
    request: CreateCustomLossRequest,
    options: RequestOptions & { signal: AbortSignal },
  ): Promise<UploadedLoss> {
    const { runtime, emitter } = this.#parts;
    const { name, inputs } = request;
    const sending = attributed('TrainingClient.createCustomLoss', options);
    const { request_id } = await createCustomLoss(runtime.api, request, sending);
    const { loss_id } = await pollFuture(runtime, {
      request_id,
      request_type: 'CreateCustomLoss',
      decode: jsonResult('create_custom_loss', createCustomLossResponseSchema),
      signal: options.signal,
      headers: sending.headers,
      onQueueChanged: (change) => emitter.emit('queue.changed', change),
    });
    return { loss_id, name, inputs };
  }
}

/** Refuses what the wire does not have, and a server that takes no losses. */
function checkTracedLoss({ config }: ServiceRuntime, loss: TracedLoss) {
  if (!config.custom_loss_server_side) {
    throw new InvalidArgumentError(
      'createCustomLoss: this server runs no losses of its callers (custom_loss_server_side is off); a function given to ' +
        'forwardBackwardCustom works with every server',
    );
  }
  const parsed = tracedLossSchema.safeParse(loss);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidArgumentError(
    `createCustomLoss: ${[issue?.path.join('.'), issue?.message ?? 'is no trace'].filter(Boolean).join(' ')}`,
  );
}

/** How an uploaded loss is asked for. */
export function toLossChoice(loss: UploadedLoss): Extract<LossChoice, { loss_fn: 'custom' }> {
  if (typeof loss?.loss_id !== 'string' || !Array.isArray(loss.inputs)) {
    throw new InvalidArgumentError(
      'loss must be a function that gives { loss, gradients }, or what createCustomLoss gave',
    );
  }
  return { loss_fn: 'custom', loss_fn_config: { loss_id: loss.loss_id } };
}

/** Each datum has what the loss reads, in the dimensions that it was traced for. */
export function checkUploadedLossData({ name, inputs }: UploadedLoss, data: readonly Datum[]): void {
  data.forEach(({ loss_fn_inputs }, index) => {
    inputs.forEach((input, position) => {
      // The log-probabilities, always first, have the shape of the targets.
      const key = position === 0 ? 'target_tokens' : input.name;
      const tensor = loss_fn_inputs[key];
      const rank = tensor === undefined ? undefined : shapeOf(tensor).length;
      if (rank === input.rank) return;
      const found = rank === undefined ? 'is not there' : `has ${rank}`;
      throw new InvalidArgumentError(
        `data[${index}].loss_fn_inputs.${key} must have ${input.rank} dimensions for the loss ${name}, and ${found}`,
      );
    });
  });
}
