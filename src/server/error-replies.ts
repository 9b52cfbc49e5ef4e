import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { Logger } from '../core/logger.ts';
import { withoutSignature } from './archive/signed-url.ts';
import { HttpError } from './errors.ts';

/** What the API has and this server does not, by the part of the path that tells it. */
const absentFeatures: readonly [pattern: RegExp, what: string][] = [
  [/\/auth\/token$/, 'Token exchange'],
  [/\/checkpoints\/search$/, 'Searching checkpoints'],
  [/\/create_custom_loss$/, 'Uploading a custom loss (create_custom_loss)'],
];

/** Every answer that is not a success has `{"detail": …}`: a text, or FastAPI's list of field errors. */
export function addErrorReplies(
  app: FastifyInstance,
  { logger, maxBodyBytes }: { logger: Logger; maxBodyBytes: number },
): void {
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    if (hasZodFastifySchemaValidationErrors(error)) {
      return reply
        .status(422)
        .send({ detail: error.validation.map(toFieldError(error.validationContext ?? 'body')) });
    }
    if (error instanceof HttpError) {
      return reply.status(error.statusCode).headers(error.headers).send({ detail: error.message });
    }
    const { statusCode = 500 } = error;
    if (statusCode === 413)
      return reply.status(413).send({ detail: `The body is larger than ${maxBodyBytes} bytes` });
    if (statusCode < 500) return reply.status(statusCode).send({ detail: error.message });
    logger.error('a request failed', {
      method: request.method,
      path: withoutSignature(request.url),
      error: error.stack ?? error.message,
    });
    return reply.status(statusCode).send({ detail: `Internal error: ${error.message}` });
  });
  app.setNotFoundHandler(replyNotFound);
}

/** A path that cannot be matched with any route: wrongly escaped, or with a part that is too long. */
export function replyUnroutable(
  error: { statusCode?: number; message: string },
  _request: unknown,
  reply: FastifyReply,
): void {
  void reply.status(error.statusCode ?? 400).send({ detail: error.message });
}

function replyNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = request.url.split('?', 1);
  const feature = absentFeatures.find(([pattern]) => pattern.test(path))?.[1];
  const detail =
    feature === undefined
      ? `No such route: ${request.method} ${path}. This server speaks the Tinker API under /api/v1/`
      : `${feature} is not supported by this server`;
  return reply.status(404).send({ detail });
}

function toFieldError(part: string) {
  return (issue: { instancePath: string; keyword: string; message?: string | undefined }) => ({
    loc: [part, ...issue.instancePath.split('/').filter((step) => step !== '')],
    msg: issue.message ?? 'is invalid',
    type: issue.keyword,
  });
}
