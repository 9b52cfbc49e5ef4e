import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { hasTakenId, OpenIds } from '../../../src/client/training/open-ids.ts';
import { WireFormat } from '../../../src/client/training/wire-format.ts';
import { toApiError } from '../../../src/core/api-errors.ts';
import { ConnectionError } from '../../../src/core/errors.ts';
import { ForwardBackwardRequestSchema } from '../../../src/proto/tinker_public_pb.ts';
import { clientConfigSchema } from '../../../src/types/service.ts';
import { scriptedApi, type ScriptedAnswer } from '../../helpers/scripted-api.ts';

function setUp(script: ScriptedAnswer[] = []) {
  const { api, sent, outcomeOf } = scriptedApi(script, () => ({ status: 200, json: { request_id: 'r' } }));
  const ids = new OpenIds({
    api,
    config: clientConfigSchema.parse({}),
    wireFormat: new WireFormat('protobuf'),
  });
  const messages = () =>
    sent.map(({ body }) =>
      fromBinary(ForwardBackwardRequestSchema, body instanceof Uint8Array ? body : new Uint8Array()),
    );
  return {
    ids,
    seqIds: () => messages().map(({ seqId }) => seqId),
    messages,
    fill: () => outcomeOf(ids.fill('m', {})),
  };
}

describe('open sequence ids', () => {
  it('are each taken once, by a request without gradient, before the next call', async () => {
    const { ids, fill, messages, seqIds } = setUp();
    ids.add([4, 5]);
    await expect(fill()).resolves.toBeUndefined();
    await expect(fill()).resolves.toBeUndefined();
    expect(seqIds()).toEqual([4, 5]);
    expect(messages()[0]).toMatchObject({ modelId: 'm', forwardOnly: true, lossFn: 'cross_entropy' });
  });

  it('stay open while the server is not reached, and are filled later', async () => {
    const { ids, fill, seqIds } = setUp(Array.from({ length: 40 }, () => new ConnectionError('down')));
    ids.add([7]);
    await expect(fill()).resolves.toMatchObject({ code: 'connection' });
    await expect(fill()).resolves.toBeUndefined();
    expect(new Set(seqIds())).toEqual(new Set([7]));
  });

  it.each([400, 404, 409, 410, 413, 422])(
    'hold up nothing when the server answers %d to what takes them',
    async (status) => {
      const { ids, fill } = setUp(Array.from({ length: 3 }, () => ({ status })));
      ids.add([7, 8]);
      await expect(fill()).resolves.toBeUndefined();
    },
  );

  it.each([401, 402, 403])(
    'stay open when the server answers %d, which is about the caller',
    async (status) => {
      const { ids, fill, seqIds } = setUp([{ status }]);
      ids.add([7]);
      await expect(fill()).resolves.toMatchObject({ status });
      await fill();
      expect(seqIds()).toEqual([7, 7]);
    },
  );

  it('are those of calls that the server has not judged', () => {
    const judged = [400, 401, 402, 403, 404, 408, 409, 410, 413, 415, 422, 429, 500].filter((status) =>
      hasTakenId(toApiError('POST /x', { status })),
    );
    expect(judged).toEqual([404, 410, 422]);
    expect(hasTakenId(new ConnectionError('down'))).toBe(false);
  });
});
