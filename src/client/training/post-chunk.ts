import type { ForwardBackwardBody } from '../../http/encode.ts';
import { forwardBackward } from '../../http/endpoints/forward-backward.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ServiceRuntime } from '../runtime.ts';

export type ChunkSender = Pick<ServiceRuntime, 'api' | 'config' | 'wireFormat'>;

/** Sends one request of a forward or forward_backward, in the form that the server reads; its request id. */
export function postChunk(
  { api, config, wireFormat: format }: ChunkSender,
  body: ForwardBackwardBody,
  options: RequestOptions,
): Promise<string> {
  const compress = config.proto_compress_fwdbwd;
  return format.send(async (wireFormat) => {
    const { request_id } = await forwardBackward(api, body, { wireFormat, compress }, options);
    return request_id;
  });
}
