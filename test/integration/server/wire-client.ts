import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { ForwardBackwardRequestSchema, DType } from '../../../src/proto/tinker_public_pb.ts';
import { createLocalServer, type LocalServer, type LocalServerOptions } from '../../../src/server/index.ts';

/** An answer with its body read as JSON, where it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  json: any; // oxlint-disable-line typescript/no-explicit-any
  bytes: Buffer;
}

/** Speaks the wire with plain fetch, so that the server is tested without our client. */
export class WireClient {
  readonly url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.url = url;
    this.#headers = headers;
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const isBinary = body instanceof Uint8Array;
    const isText = typeof body === 'string';
    const response = await fetch(path.startsWith('http') ? path : this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        'content-type': isBinary ? 'application/x-protobuf' : 'application/json',
        ...this.#headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: isBinary || isText ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      headers: response.headers,
      json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined,
      bytes,
    };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send('GET', `/api/v1/${path}`, undefined, headers);
  }

  post(operation: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('POST', `/api/v1/${operation}`, body, headers);
  }

  poll(requestId: string, headers?: Record<string, string>): Promise<Answer> {
    return this.post('retrieve_future', { request_id: requestId, allow_metadata_only: true }, headers);
  }

  /** Polls until there is an outcome. */
  async outcome(requestId: string, headers?: Record<string, string>): Promise<Answer> {
    for (;;) {
      const answer = await this.poll(requestId, headers);
      if (answer.status !== 408) return answer;
    }
  }

  /** Submits an operation that must be accepted, and waits for its outcome as JSON. */
  async run(operation: string, body: unknown): Promise<Answer['json']> {
    const submitted = await this.post(operation, body);
    if (submitted.status !== 200)
      throw new Error(`${operation}: ${submitted.status} ${submitted.bytes.toString()}`);
    return (await this.outcome(submitted.json.request_id)).json;
  }

  async createSession(): Promise<string> {
    return (await this.post('create_session', { tags: [] })).json.session_id;
  }

  /** A model of rank 4 in a session, which is a new one by default. */
  async createModel(options: { sessionId?: string; counter?: number } = {}): Promise<string> {
    const session_id = options.sessionId ?? (await this.createSession());
    const { model_id } = await this.run('create_model', {
      session_id,
      model_seq_id: options.counter ?? 0,
      base_model: 'local/random',
      lora_config: { rank: 4, seed: 1 },
    });
    return model_id;
  }
}

const tokens = [5, 6, 7, 8];
const targets = [6, 7, 8, 9];

/** A protobuf forward_backward of one datum. */
export function forwardBackwardBytes(modelId: string, seqId: number, loss = 'cross_entropy'): Uint8Array {
  const message = create(ForwardBackwardRequestSchema, {
    modelId,
    seqId,
    lossFn: loss,
    data: [
      {
        modelInput: [{ chunk: { case: 'encodedText', value: { tokens: pack(Int32Array.from(tokens)) } } }],
        lossFnInputs: {
          target_tokens: {
            dtype: DType.DTYPE_INT64,
            encoding: { case: 'dense', value: pack(BigInt64Array.from(targets, BigInt)) },
            shape: [BigInt(targets.length)],
          },
          weights: {
            dtype: DType.DTYPE_FLOAT32,
            encoding: { case: 'dense', value: pack(new Float32Array(targets.length).fill(1)) },
          },
        },
      },
    ],
  });
  return toBinary(ForwardBackwardRequestSchema, message);
}

/** The same in the JSON of older clients. */
export function forwardBackwardJson(modelId: string, seqId: number, change: Record<string, unknown> = {}) {
  return {
    model_id: modelId,
    seq_id: seqId,
    forward_backward_input: {
      data: [
        {
          model_input: { chunks: [{ type: 'encoded_text', tokens }] },
          loss_fn_inputs: {
            target_tokens: { data: targets, dtype: 'int64', shape: [targets.length] },
            weights: { data: targets.map(() => 1), dtype: 'float32' },
          },
        },
      ],
      loss_fn: 'cross_entropy',
      ...change,
    },
  };
}

function pack(values: Int32Array | BigInt64Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer);
}

/** A server on a folder of its own, and a client of it. Disposing closes the server and removes the folder. */
export interface TestServer extends AsyncDisposable {
  server: LocalServer;
  client: WireClient;
}

export async function startServer(options: Partial<LocalServerOptions> = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? makeFolder();
  const server = await createLocalServer({ ...options, dataDir });
  return {
    server,
    client: new WireClient(server.url),
    async [Symbol.asyncDispose]() {
      await server.close();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true });
    },
  };
}

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'local-server-'));
}

/** Lets the event loop turn until something is the case. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}
