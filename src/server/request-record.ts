import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isMessage } from '@bufbuild/protobuf';
import { ForwardBackwardRequestSchema } from '../proto/tinker_public_pb.ts';
import { withoutSignature } from './archive/signed-url.ts';

/** One request as it arrived. */
export interface RecordedRequest {
  method: string;
  /** The pattern of the route, `/api/v1/training_runs/:run`; empty for an unknown one. */
  route: string;
  /** Path and query as the client sent them, without a signature. */
  path: string;
  /** Of the answer; undefined until it was sent, and for ever when the connection broke before. */
  status: number | undefined;
  /** In lower case, without API keys. */
  headers: Record<string, string>;
  /** The JSON body when it is small and came uncompressed, without access tokens; of a protobuf forward_backward a summary; else undefined. */
  body: unknown;
}

const maxRecords = 1000;
const maxBodyBytes = 8 * 1024;
const secretHeaders = new Set([
  'x-api-key',
  'authorization',
  'cf-access-client-secret',
  'x-tinker-weights-access-token',
]);

/** Records the requests of a server, the newest thousand. */
export function addRequestRecord(app: FastifyInstance, requests: RecordedRequest[]): void {
  const records = new WeakMap<FastifyRequest, RecordedRequest>();

  app.addHook('onRequest', async (request) => {
    const record: RecordedRequest = {
      method: request.method,
      route: request.routeOptions.url ?? '',
      path: withoutSignature(request.originalUrl),
      status: undefined,
      headers: toHeaders(request.headers),
      body: undefined,
    };
    records.set(request, record);
    requests.push(record);
    if (requests.length > maxRecords) requests.shift();
  });

  app.addHook('preValidation', async (request) => {
    const record = records.get(request);
    if (record !== undefined) record.body = toBody(request);
  });

  app.addHook('onResponse', async (request, reply) => {
    const record = records.get(request);
    if (record !== undefined) record.status = reply.statusCode;
  });
}

function toHeaders(headers: FastifyRequest['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !secretHeaders.has(name))
      .map(([name, value]) => [name, String(value)]),
  );
}

function toBody({ body, headers, url }: FastifyRequest): unknown {
  // Telemetry of official clients may contain the headers of other requests, keys included.
  if (url.endsWith('/telemetry')) return undefined;
  if (isMessage(body, ForwardBackwardRequestSchema)) {
    return {
      model_id: body.modelId,
      seq_id: body.seqId,
      loss_fn: body.lossFn,
      forward_only: body.forwardOnly,
      datumCount: body.data.length,
    };
  }
  if (body instanceof Readable) return undefined;
  if (headers['content-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > maxBodyBytes)
    return undefined;
  const hasToken = typeof body === 'object' && body !== null && 'weights_access_token' in body;
  return hasToken ? { ...body, weights_access_token: 'hidden' } : body;
}
