import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ForwardBackwardOutputSchema,
  ForwardBackwardRequestSchema,
} from '../../../src/proto/tinker_public_pb.ts';
import {
  forwardBackwardBytes,
  startServer,
  type Answer,
  type TestServer,
  type WireClient,
} from './wire-client.ts';

const protobuf = { accept: 'application/x-protobuf' };

let running: TestServer;
let client: WireClient;

beforeAll(async () => {
  running = await startServer({ metadataOnlyBytes: 200 });
  client = running.client;
});
afterAll(() => running[Symbol.asyncDispose]());

/** The request id of a forward_backward of sixteen datums that has its result. */
async function finished(): Promise<string> {
  const message = fromBinary(
    ForwardBackwardRequestSchema,
    forwardBackwardBytes(await client.createModel(), 1),
  );
  message.data = Array.from({ length: 16 }, () => message.data).flat();
  const { request_id } = (
    await client.post('forward_backward', toBinary(ForwardBackwardRequestSchema, message))
  ).json;
  await client.outcome(request_id);
  return request_id;
}

function poll(request_id: string, allow_metadata_only: boolean, headers = {}): Promise<Answer> {
  return client.post('retrieve_future', { request_id, allow_metadata_only }, headers);
}

describe('a result larger than the option says', () => {
  it('is announced with its size to a poll that allows that, and sent to one that does not (wire-protocol 5.5)', async () => {
    const requestId = await finished();
    for (let again = 0; again < 2; again++) {
      const announced = await poll(requestId, true, protobuf);
      expect(announced.json).toEqual({
        status: 'complete_metadata',
        response_payload_size: expect.any(Number),
      });
      const sent = await poll(requestId, false, protobuf);
      expect(sent.headers.get('content-type')).toBe('application/x-protobuf');
      expect(sent.bytes).toHaveLength(announced.json.response_payload_size);
      expect(fromBinary(ForwardBackwardOutputSchema, sent.bytes).metrics).toHaveProperty(['loss:sum']);
    }
  });

  it('is counted as it will be sent: as JSON for those who want that', async () => {
    const requestId = await finished();
    const announced = await poll(requestId, true);
    const sent = await poll(requestId, false);
    expect(sent.json.metrics).toHaveProperty(['loss:sum']);
    expect(sent.bytes).toHaveLength(announced.json.response_payload_size);
  });

  it('goes at once to a client that does not say whether it knows announcements', async () => {
    const answer = await client.post('retrieve_future', { request_id: await finished() }, protobuf);
    expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
  });

  it('is no matter of small results and of failures', async () => {
    const model_id = await client.createModel();
    const { request_id } = (
      await client.post('optim_step', {
        model_id,
        seq_id: 1,
        adam_params: { learning_rate: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-8 },
      })
    ).json;
    expect((await client.outcome(request_id)).json).toHaveProperty('metrics');
    const name = { model_id, path: 'state', overwrite: false };
    await client.run('save_weights', { ...name, seq_id: 2 });
    expect(await client.run('save_weights', { ...name, seq_id: 3 })).toMatchObject({
      category: 'user',
      error: expect.any(String),
    });
  });
});
