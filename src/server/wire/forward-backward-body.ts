import { isMessage } from '@bufbuild/protobuf';
import { z } from 'zod';
import { ForwardBackwardRequestSchema, type ForwardBackwardRequest } from '../../proto/tinker_public_pb.ts';
import type { TrainingRequest } from './training-request.ts';
import { forwardBackwardJsonSchema, fromForwardBackwardJson } from './training-request-json.ts';
import { fromProtobuf } from './training-request-protobuf.ts';

const messageSchema = z.custom<ForwardBackwardRequest>((body) =>
  isMessage(body, ForwardBackwardRequestSchema),
);

/** Reads both forms of the body of forward_backward: the message, or the JSON of older clients. */
export function toTrainingRequest(body: z.output<typeof forwardBackwardBodySchema>): TrainingRequest {
  return isMessage(body, ForwardBackwardRequestSchema) ? fromProtobuf(body) : fromForwardBackwardJson(body);
}

export const forwardBackwardBodySchema = z.union([messageSchema, forwardBackwardJsonSchema]);
