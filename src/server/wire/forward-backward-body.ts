import { isMessage } from '@bufbuild/protobuf';
import { z } from 'zod';
import { ForwardBackwardRequestSchema } from '../../proto/tinker_public_pb.ts';
import type { TrainingRequest } from './training-request.ts';
import { forwardBackwardJsonSchema, fromForwardBackwardJson } from './training-request-json.ts';
import { fromProtobuf } from './training-request-protobuf.ts';

/** Both forms of the body of forward_backward: the message, or the JSON of older clients, whose own errors are told. */
export const forwardBackwardBodySchema = z.unknown().transform((body, context) => {
  if (isMessage(body, ForwardBackwardRequestSchema)) return body;
  const { data, error } = forwardBackwardJsonSchema.safeParse(body);
  if (data !== undefined) return data;
  for (const { path, message } of error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

export function toTrainingRequest(body: z.output<typeof forwardBackwardBodySchema>): TrainingRequest {
  return isMessage(body, ForwardBackwardRequestSchema) ? fromProtobuf(body) : fromForwardBackwardJson(body);
}
