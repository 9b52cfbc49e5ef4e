import type { FastifyInstance, FastifyRequest } from 'fastify';
import { checkContentEncoding, unpackBody } from './compressed-body.ts';
import { HttpError } from './errors.ts';
import { parseJson } from './json.ts';
import { parseProtobuf } from './wire/training-request-protobuf.ts';

/** A chunk of training data is 5 MB by the default limits, but one large datum may exceed that. Counted unpacked. */
export const bodyLimitBytes = 256 * 2 ** 20;

/** Reads bodies by their content type, compressed or not: JSON with exact integers, and the protobuf of forward_backward. */
export function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addHook('preParsing', async ({ headers }) => checkContentEncoding(headers['content-encoding']));
  addParser(app, 'application/json', toJson);
  addParser(app, 'application/x-protobuf', parseProtobuf);
}

function addParser(app: FastifyInstance, contentType: string, parse: (body: Buffer) => unknown): void {
  app.addContentTypeParser(
    contentType,
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, body: Buffer) =>
      parse(await unpackBody(body, headers['content-encoding'], bodyLimitBytes)),
  );
}

function toJson(body: Buffer): unknown {
  // The official client sends this content type with empty bodies too.
  if (body.length === 0) return undefined;
  try {
    return parseJson(body.toString('utf8'));
  } catch (error) {
    throw new HttpError(
      400,
      `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
