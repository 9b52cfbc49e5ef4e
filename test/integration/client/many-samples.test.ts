import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelInput, ServiceClient, type SampleResponse, type SamplingClient } from '../../../src/index.ts';
import { SampleResponseSchema, StopReason } from '../../../src/proto/tinker_public_pb.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';

const count = 10_000;
const input = { prompt: modelInput([1, 2, 3]), sampling_params: { max_tokens: 1 } };
const megabyte = 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** A server that knows nothing and answers everything at once: the token of each sample is its sequence id. */
let stub: Server;
let service: ServiceClient;
let sampler: SamplingClient;
let connectionCount = 0;

const answers: Readonly<Record<string, object>> = {
  'client/config': { sample_max_concurrent_requests: 500 },
  create_session: { session_id: 's' },
  create_sampling_session: { sampling_session_id: 's:sample:0' },
};

function resultOf(requestId: string): Uint8Array {
  const tokens = new Uint8Array(Int32Array.of(Number(requestId)).buffer);
  const message = create(SampleResponseSchema, { sequences: [{ stopReason: StopReason.LENGTH, tokens }] });
  return toBinary(SampleResponseSchema, message);
}

async function read(request: IncomingMessage): Promise<{ seq_id?: number; request_id?: string }> {
  const chunks = await request.toArray();
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}

beforeAll(async () => {
  stub = createServer((request, response) => {
    read(request).then(
      ({ seq_id, request_id }) => {
        const operation = request.url?.replace('/api/v1/', '') ?? '';
        if (operation === 'retrieve_future') {
          response.setHeader('content-type', 'application/x-protobuf');
          response.end(resultOf(request_id ?? ''));
          return;
        }
        const answer =
          operation === 'asample'
            ? { request_id: String(seq_id), sample_sequence_ids: [`q${seq_id}`] }
            : (answers[operation] ?? {});
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(answer));
      },
      () => response.destroy(),
    );
  }).listen(0, '127.0.0.1');
  stub.on('connection', () => connectionCount++);
  await once(stub, 'listening');
  const address = stub.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  service = await ServiceClient.connect({
    baseUrl: `http://127.0.0.1:${port}`,
    apiKey: 'tml-test',
    logger: recordingLogger(),
  });
  sampler = await service.createSamplingClient({ base_model: 'any/model' });
});
afterAll(async () => {
  await service.close();
  stub.closeAllConnections();
  stub.close();
});

/** Bytes of the heap that are in use. */
function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

interface Drawn {
  waitingBytes: number;
  outcomes: PromiseSettledResult<SampleResponse>[];
}

/** Submits everything at once, and gives up the samples in `given` before any of them is answered. */
async function drawAll(given: ReadonlySet<number>, reason: Error): Promise<Drawn> {
  const controller = new AbortController();
  const samples = Array.from({ length: count }, (_, index) =>
    sampler.sample(input, given.has(index) ? { signal: controller.signal } : {}),
  );
  const waitingBytes = heapBytes();
  controller.abort(reason);
  return { waitingBytes, outcomes: await Promise.allSettled(samples) };
}

describe('ten thousand samples submitted at once through one client', () => {
  it('are all answered, each with its own result, but for those that are given up', async () => {
    const reason = new Error('not these');
    const given = new Set([7, 400, 5000, count - 1]);
    const { outcomes } = await drawAll(given, reason);
    const aborted = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [[index, outcome.reason]] : [],
    );
    expect(aborted).toEqual([...given].map((index) => [index, reason]));
    const sequences = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.sequences : [],
    );
    expect(new Set(sequences.map(({ tokens }) => tokens[0])).size).toBe(count - given.size);
    expect(sequences.every(({ sequence_id, tokens }) => sequence_id === `q${tokens[0]}`)).toBe(true);
    // As many at once as the server has set it.
    expect(connectionCount).toBeLessThan(1000);
  });

  it('cost a few kilobytes each while they wait, and nothing when they are over', async () => {
    const before = heapBytes();
    const { waitingBytes } = await drawAll(new Set(), new Error('none'));
    expect(waitingBytes - before).toBeLessThan(60 * megabyte);
    expect(heapBytes() - before).toBeLessThan(10 * megabyte);
  });
});
