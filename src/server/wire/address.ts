import { isMessage } from '@bufbuild/protobuf';
import { ForwardBackwardRequestSchema } from '../../proto/tinker_public_pb.ts';

/** Which turn of which model a body is for, as far as that can be read from one that was refused. */
export function readAddress(body: unknown): { modelId: string; seqId: number } | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { modelId, seqId } = isMessage(body, ForwardBackwardRequestSchema)
    ? body
    : { modelId: Reflect.get(body, 'model_id'), seqId: Reflect.get(body, 'seq_id') };
  if (typeof modelId !== 'string' || typeof seqId !== 'number') return undefined;
  return Number.isSafeInteger(seqId) && seqId >= 1 ? { modelId, seqId } : undefined;
}
