import type { FastifyReply } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { retrieveFutureRequestSchema } from '../../types/futures.ts';
import { HttpError } from '../errors.ts';
import type { FutureTable } from '../future-table.ts';
import type { BootStore } from '../store/boot-store.ts';
import type { OperationResult } from '../wire/results.ts';
import { toSampleJson, toTrainingJson } from '../wire/results-json.ts';
import { toSampleProtobuf, toTrainingProtobuf } from '../wire/results-protobuf.ts';

interface Services {
  futures: FutureTable;
  boots: BootStore;
  /** How long a poll is held. */
  holdMs: number;
}

const protobufType = 'application/x-protobuf';

/** Results of operations, by long poll (wire-protocol 5). */
export const futureRoutes: FastifyPluginCallbackZod<Services> = (app, { futures, boots, holdMs }, done) => {
  app.post('/retrieve_future', { schema: { body: retrieveFutureRequestSchema } }, async (request, reply) => {
    const { request_id } = request.body;
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
    futures.markFetched(future);
    if ('error' in outcome) return { error: outcome.error.message, category: outcome.error.category };
    const { result } = outcome;
    const wantsProtobuf = request.headers.accept?.includes(protobufType) === true;
    if (result.kind === 'json' || !wantsProtobuf) return toJson(result);
    return reply.type(protobufType).send(toProtobuf(result));
  });

  done();
};

/** Aborts when the answer can no longer be sent. The request's own signal aborts as soon as its body has been read. */
function whenGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => controller.abort());
  return controller.signal;
}

function toProtobuf(result: Exclude<OperationResult, { kind: 'json' }>): Uint8Array {
  return result.kind === 'training' ? toTrainingProtobuf(result.output) : toSampleProtobuf(result.output);
}

function toJson(result: OperationResult): Readonly<Record<string, unknown>> {
  if (result.kind === 'json') return result.body;
  return result.kind === 'training' ? toTrainingJson(result.output) : toSampleJson(result.output);
}
