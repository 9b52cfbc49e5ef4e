import type { FastifyInstance, FastifyRequest } from 'fastify';
import { checkContentEncoding, unpackBody } from './compressed-body.ts';
import { HttpError } from './errors.ts';
import { isTooDeep, parseJson } from './json.ts';
import { parseProtobuf } from './wire/training-request-protobuf.ts';
import { messageOf } from '../core/thrown.ts';

/**
 * Reads bodies by their content type, compressed or not: JSON with exact integers, and the protobuf of forward_backward.
 * `limitBytes` counts them unpacked.
 */
export function addBodyParsers(app: FastifyInstance, limitBytes: number): void {
  const add = (contentType: string, parse: (body: Buffer) => unknown): void => {
    app.addContentTypeParser(
      contentType,
      { parseAs: 'buffer' },
      async ({ headers }: FastifyRequest, body: Buffer) =>
        parse(await unpackBody(body, headers['content-encoding'], limitBytes)),
    );
  };
  app.removeAllContentTypeParsers();
  app.addHook('preParsing', async ({ headers }) => checkContentEncoding(headers['content-encoding']));
  add('application/json', toJson);
  add('application/x-protobuf', parseProtobuf);
}

function toJson(body: Buffer): unknown {
  // The official client sends this content type with empty bodies too.
  if (body.length === 0) return undefined;
  const json = parse(body.toString('utf8'));
  if (isTooDeep(json)) throw new HttpError(400, 'The body is nested more deeply than any request of the API');
  return json;
}

function parse(source: string): unknown {
  try {
    return parseJson(source);
  } catch (error) {
    throw new HttpError(400, `The body is not JSON: ${messageOf(error)}`);
  }
}
