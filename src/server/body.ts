import type { FastifyInstance } from 'fastify';
import { HttpError } from './errors.ts';
import { parseJson } from './json.ts';
import { parseProtobuf } from './wire/training-request-protobuf.ts';

/** A chunk of training data is 5 MB by the default limits, but one large datum may exceed that. */
export const bodyLimitBytes = 256 * 2 ** 20;

/** Reads bodies by their content type: JSON with exact integers, and the protobuf of forward_backward. */
export function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addHook('preParsing', async ({ headers }) => {
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw new HttpError(415, `Content-Encoding ${encoding} is not supported by this server`);
    }
  });
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (_request, body, done) => {
    // The official client sends this content type with empty bodies too.
    if (body === '') return done(null, undefined);
    try {
      done(null, parseJson(body));
    } catch (error) {
      done(
        new HttpError(400, `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`),
      );
    }
  });
  app.addContentTypeParser<Buffer>(
    'application/x-protobuf',
    { parseAs: 'buffer' },
    (_request, body, done) => {
      try {
        done(null, parseProtobuf(body));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  );
}
