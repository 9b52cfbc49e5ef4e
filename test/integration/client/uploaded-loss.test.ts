import { describe, expect, it } from 'vitest';
import { ServiceClient, supervisedDatum, type TracedLoss, type UploadedLoss } from '../../../src/index.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import {
  startScriptedServer,
  type ScriptedRequest,
  type ScriptedServer,
} from '../../helpers/scripted-server.ts';

/** As wire-protocol 2.41 has it, word by word. */
const traced: TracedLoss = {
  name: 'neg_ll',
  inputs: [{ name: 'logprobs', rank: 1 }],
  graph: {
    nodes: [
      { op: 'placeholder', name: 'logprobs', target: 'logprobs' },
      { op: 'call_function', name: 'neg', target: 'operator.neg', args: [{ ref: 'logprobs' }] },
      {
        op: 'output',
        name: 'output',
        target: 'output',
        args: [{ tuple: [{ ref: 'neg' }, { dict: {} }] }],
      },
    ],
  },
};
const captured =
  '{"session_id":"sess-1","custom_loss_seq_id":0,"name":"neg_ll","inputs":[{"name":"logprobs","rank":1}],"graph":{"format":1,"nodes":[{"op":"placeholder","name":"logprobs","target":"logprobs","args":[],"kwargs":{}},{"op":"call_function","name":"neg","target":"operator.neg","args":[{"ref":"logprobs"}],"kwargs":{}},{"op":"output","name":"output","target":"output","args":[{"tuple":[{"ref":"neg"},{"dict":{}}]}],"kwargs":{}}]},"type":"create_custom_loss"}';

const results: Readonly<Record<string, object>> = {
  CreateModel: { model_id: 'sess-1:train:0' },
  CreateCustomLoss: { type: 'create_custom_loss', loss_id: 'L1' },
  ForwardBackward: {
    loss_fn_output_type: 'T',
    loss_fn_outputs: [{ logprobs: { data: [-1, -2], dtype: 'float32', shape: [2] } }],
    metrics: { 'loss:sum': 3, 'custom/neg_ll:sum': 3 },
  },
};

function toResult({ headers }: ScriptedRequest) {
  const type = headers['x-tinker-request-type'];
  return { status: 200, json: results[typeof type === 'string' ? type : ''] ?? {} };
}

function startServer(flags: object): Promise<ScriptedServer> {
  const accepted = { request_id: 'r' };
  return startScriptedServer({
    '/client/config': flags,
    '/create_session': { session_id: 'sess-1' },
    '/session_heartbeat': {},
    '/create_model': accepted,
    '/get_info': { model_id: 'sess-1:train:0', model_data: { model_name: 'base' } },
    '/create_custom_loss': accepted,
    '/forward_backward': accepted,
    '/retrieve_future': toResult,
  });
}

async function connect(server: ScriptedServer): Promise<ServiceClient> {
  const options = { baseUrl: server.url, apiKey: 'tml-test', logger: recordingLogger() };
  return ServiceClient.connect({ ...options, wireFormat: 'json' });
}

function bodiesOf(server: ScriptedServer, path: string): unknown[] {
  return server.requests.filter((request) => request.path === path).map(({ body }) => body);
}

const data = [supervisedDatum({ tokens: [1, 2, 3] })];

describe('a loss that was traced elsewhere (SVC-11, TYP-36)', () => {
  it('is sent as the official client sends it, and run in one pass', async () => {
    await using server = await startServer({ custom_loss_server_side: true });
    await using service = await connect(server);
    const training = await service.createLoraTrainingClient({ base_model: 'base' });
    const loss = await training.createCustomLoss(traced);
    expect(loss).toEqual({ loss_id: 'L1', name: 'neg_ll', inputs: traced.inputs });
    await training.createCustomLoss(traced);
    const sent = bodiesOf(server, '/create_custom_loss').map((body) => JSON.stringify(body));
    expect(sent).toEqual([captured, captured.replace('_seq_id":0', '_seq_id":1')]);
    const { metrics } = await training.forwardBackwardCustom({ data, loss });
    expect(metrics).toEqual({ 'loss:sum': 3, 'custom/neg_ll:sum': 3 });
    expect(bodiesOf(server, '/forward_backward')).toEqual([
      {
        forward_backward_input: expect.objectContaining({
          loss_fn: 'custom',
          loss_fn_config: { loss_id: 'L1' },
        }),
        model_id: 'sess-1:train:0',
        seq_id: 1,
      },
    ]);
  });

  it('is refused by its own words where the server runs none', async () => {
    await using server = await startServer({});
    await using service = await connect(server);
    const training = await service.createLoraTrainingClient({ base_model: 'base' });
    await expect(training.createCustomLoss(traced)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('custom_loss_server_side is off'),
    });
    expect(bodiesOf(server, '/create_custom_loss')).toEqual([]);
  });

  it('is refused when it is no trace, or does not fit the data, before anything is sent', async () => {
    await using server = await startServer({ custom_loss_server_side: true });
    await using service = await connect(server);
    const training = await service.createLoraTrainingClient({ base_model: 'base' });
    const wrong: [Partial<TracedLoss>, string][] = [
      [{ inputs: [{ name: 'weights', rank: 1 }] }, 'inputs must begin with logprobs, of rank 1 or 2'],
      [{ inputs: [{ name: 'logprobs', rank: 0 }] }, 'inputs must begin with logprobs, of rank 1 or 2'],
      [{ inputs: [{ name: 'LogProbs', rank: 1 }] }, 'inputs.0.name must be a lowercase name'],
      [{ graph: { nodes: [] } }, 'graph.nodes'],
      [{ nodes: [] } as Partial<TracedLoss>, 'Unrecognized key: "nodes"'],
    ];
    for (const [change, message] of wrong)
      await expect(training.createCustomLoss({ ...traced, ...change })).rejects.toThrow(message);
    const loss: UploadedLoss = { loss_id: 'L1', name: 'mine', inputs: [{ name: 'logprobs', rank: 2 }] };
    await expect(training.forwardBackwardCustom({ data, loss })).rejects.toThrow(
      'data[0].loss_fn_inputs.target_tokens must have 2 dimensions for the loss mine, and has 1',
    );
    const reading: UploadedLoss = {
      ...loss,
      inputs: [
        { name: 'logprobs', rank: 1 },
        { name: 'margin', rank: 0 },
      ],
    };
    await expect(training.forwardBackwardCustom({ data, loss: reading })).rejects.toThrow(
      'data[0].loss_fn_inputs.margin must have 0 dimensions for the loss mine, and is not there',
    );
    await training.close();
    await expect(training.createCustomLoss(traced)).rejects.toMatchObject({ code: 'client_closed' });
    expect(bodiesOf(server, '/create_custom_loss')).toEqual([]);
    expect(bodiesOf(server, '/forward_backward')).toEqual([]);
  });
});
