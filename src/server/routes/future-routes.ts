import type { FastifyReply } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import {
  cancelFutureRequestSchema,
  retrieveFutureRequestSchema,
  retrieveFuturesRequestSchema,
} from '../../types/futures.ts';
import { HttpError } from '../errors.ts';
import type { FutureTable } from '../future-table.ts';
import type { SamplerService } from '../services/sampler-service.ts';
import type { BootStore } from '../store/boot-store.ts';
import type { OperationResult } from '../wire/results.ts';
import { toSampleJson, toTrainingJson } from '../wire/results-json.ts';
import { toSampleProtobuf, toTrainingProtobuf } from '../wire/results-protobuf.ts';

interface Services {
  futures: FutureTable;
  samplers: SamplerService;
  boots: BootStore;
  /** How long a poll is held. */
  holdMs: number;
  /** Larger results are only announced to a poll that allows that. */
  metadataOnlyBytes: number;
}

/** A client gives a held call up after 45 s. */
const longestHoldMs = 40_000;

const protobufType = 'application/x-protobuf';
const jsonType = 'application/json; charset=utf-8';

/** Results of operations, by long poll (wire-protocol 5). */
export const futureRoutes: FastifyPluginCallbackZod<Services> = (
  app,
  { futures, samplers, boots, holdMs, metadataOnlyBytes },
  done,
) => {
  app.post('/retrieve_future', { schema: { body: retrieveFutureRequestSchema } }, async (request, reply) => {
    const { request_id, allow_metadata_only } = request.body;
    const future = futures.find(request_id, (bootId) => boots.has(bootId));
    if (future === 'unknown') throw new HttpError(404, `Unknown request_id ${request_id}`);
    if (future === 'lost') {
      throw new HttpError(
        410,
        `The result of ${request_id} is lost: it has expired, or the server was restarted`,
      );
    }
    await futures.wait(future, holdMs, whenGone(reply));
    const { outcome } = future;
    if (outcome === undefined) {
      const reason = future.describeWait();
      const waiting =
        reason === undefined
          ? { queue_state: 'active' }
          : { queue_state: 'paused_capacity', queue_state_reason: reason };
      return reply.status(408).send(waiting);
    }
    if ('error' in outcome) {
      futures.markFetched(future);
      return { error: outcome.error.message, category: outcome.error.category };
    }
    const payload = toPayload(outcome.result, request.headers.accept?.includes(protobufType) === true);
    if (allow_metadata_only && sizeOf(payload) > metadataOnlyBytes) {
      return { status: 'complete_metadata', response_payload_size: sizeOf(payload) };
    }
    futures.markFetched(future);
    if (payload instanceof Uint8Array) reply.type(protobufType);
    else reply.type(jsonType);
    return reply.send(payload);
  });

  app.post(
    '/retrieve_futures',
    { schema: { body: retrieveFuturesRequestSchema } },
    async ({ body }, reply) => {
      const { target, prev_cursor, timeout, retrieved_request_ids } = body;
      const queue = await samplers.requireQueue(target.sampling_session_id, target.cloned_sampler_id);
      for (const requestId of retrieved_request_ids) {
        const future = futures.find(requestId, () => false);
        if (typeof future !== 'string' && future.queue === queue) futures.forget(future);
      }
      const held = Math.min(timeout == null ? holdMs : timeout * 1000, longestHoldMs);
      await futures.completions.wait(queue, prev_cursor, held, whenGone(reply));
      return futures.completions.read(queue, prev_cursor);
    },
  );

  // Of what is unknown, finished or no sample there is nothing to stop, and nothing to complain about.
  app.post('/cancel_future', { schema: { body: cancelFutureRequestSchema } }, ({ body }) => {
    const future = futures.find(body.request_id, () => false);
    if (typeof future !== 'string') future.cancel?.();
    return {};
  });

  done();
};

/** Aborts when the answer can no longer be sent. The request's own signal aborts as soon as its body has been read. */
function whenGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => controller.abort());
  return controller.signal;
}

/** The answer's body: protobuf where there is one and it is wanted, else the text of its JSON. */
function toPayload(result: OperationResult, wantsProtobuf: boolean): Uint8Array | string {
  if (result.kind === 'json') return JSON.stringify(result.body);
  if (result.kind === 'training') {
    return wantsProtobuf ? toTrainingProtobuf(result.output) : JSON.stringify(toTrainingJson(result.output));
  }
  return wantsProtobuf ? toSampleProtobuf(result.output) : JSON.stringify(toSampleJson(result.output));
}

function sizeOf(payload: Uint8Array | string): number {
  return Buffer.byteLength(payload);
}
