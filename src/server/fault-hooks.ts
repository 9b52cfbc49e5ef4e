import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { delay, type Clock } from '../core/clock.ts';
import type { FaultEffect, FaultList } from './faults.ts';

/** Lets faults strike after the body was read and before it is checked. */
export function addFaultHooks(app: FastifyInstance, faults: FaultList, clock: Clock): void {
  const cuts = new WeakMap<object, number>();
  const closing = new AbortController();

  // A request that a fault holds must not go on when the server behind it is gone.
  app.addHook('preClose', async () => closing.abort());

  app.addHook('preValidation', async (request, reply) => {
    const route = request.routeOptions.url ?? '';
    const [path = ''] = request.url.split('?', 1);
    for (const effect of faults.strike({ method: request.method, route, path })) {
      if (effect.kind === 'delay') {
        await delay(effect.delayMs, clock, closing.signal).catch(() => undefined);
        if (closing.signal.aborted) return cut();
      } else if (effect.kind !== 'cut') return answer(effect);
      else if (effect.afterBytes !== undefined) cuts.set(request, effect.afterBytes);
      else return cut();
    }
    return undefined;

    function cut(): typeof reply {
      reply.hijack();
      request.raw.socket.destroy();
      return reply;
    }

    function answer(effect: Extract<FaultEffect, { kind: 'reply' | 'garbage' }>): typeof reply {
      if (effect.kind === 'garbage') {
        return reply
          .type(effect.contentType ?? 'application/json')
          .send(effect.body ?? '<html>not the API</html>');
      }
      return reply
        .status(effect.status)
        .headers(effect.headers ?? {})
        .send(effect.body);
    }
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const afterBytes = cuts.get(request);
    if (afterBytes === undefined) return payload;
    cuts.delete(request);
    if (afterBytes === 0) {
      reply.hijack();
      request.raw.socket.destroy();
      return payload;
    }
    const whole = await toBuffer(payload);
    reply.header('content-length', whole.length);
    return Readable.from(cutAfter(whole, afterBytes), { objectMode: false });
  });
}

async function* cutAfter(whole: Buffer, afterBytes: number): AsyncGenerator<Buffer> {
  yield whole.subarray(0, afterBytes);
  throw new Error('cut by a fault');
}

async function toBuffer(payload: unknown): Promise<Buffer> {
  if (Buffer.isBuffer(payload)) return payload;
  if (typeof payload === 'string') return Buffer.from(payload);
  if (payload instanceof Readable) return Buffer.concat(await payload.toArray());
  return Buffer.alloc(0);
}
