import { untypedFutureSchema, type UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ApiClient } from '../api-client.ts';
import { compressBody } from '../compress.ts';
import { encodeForwardBackward, encodeForwardBackwardJson, type ForwardBackwardBody } from '../encode.ts';

export interface ForwardBackwardForm {
  wireFormat: 'protobuf' | 'json';
  /** The server reads protobuf bodies compressed by zstd; no other body is ever compressed. */
  compress: boolean;
}

/** forward and forward_backward share a path: `forward_only` tells them apart, except in the older JSON form. */
export async function forwardBackward(
  api: ApiClient,
  body: ForwardBackwardBody,
  { wireFormat, compress }: ForwardBackwardForm,
  options?: RequestOptions,
): Promise<UntypedFuture> {
  if (wireFormat === 'json') {
    const path = body.forward_only ? '/forward' : '/forward_backward';
    return api.json(
      { method: 'POST', path, json: encodeForwardBackwardJson(body), hot: true },
      untypedFutureSchema,
      options,
    );
  }
  const plain = encodeForwardBackward(body);
  const request = { method: 'POST', path: '/forward_backward', hot: true } as const;
  return compress
    ? api.json(
        { ...request, protobuf: await compressBody(plain), headers: zstdHeaders },
        untypedFutureSchema,
        options,
      )
    : api.json({ ...request, protobuf: plain }, untypedFutureSchema, options);
}

const zstdHeaders = { 'content-encoding': 'zstd' };
