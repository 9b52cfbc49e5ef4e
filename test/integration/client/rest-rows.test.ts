import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { ScriptedReply } from '../../helpers/scripted-server.ts';
import { connectScripted, type ScriptedService } from '../../helpers/scripted-service.ts';

const tinkerPath = 'tinker://s:train:0/weights/0001';
const checkpoint = '/training_runs/s:train:0/checkpoints/weights/0001';
const done: ScriptedReply = () => ({ status: 204 });

/** The answers in order, and then the last one for ever. */
function inTurn(...answers: { status: number; json?: object }[]): ScriptedReply {
  let index = 0;
  return () => answers[Math.min(index++, answers.length - 1)] ?? { status: 500 };
}

function bodiesOf(scripted: ScriptedService, path: string): unknown[] {
  return scripted.sentTo(path).map(({ method, body }) => [method, body]);
}

describe('checkpoints by REST', () => {
  it('are published and made private (RST-11, RST-12)', async () => {
    await using scripted = await connectScripted({ [`${checkpoint}/publish`]: done });
    const rest = await scripted.service.createRestClient();
    await rest.publishCheckpoint(tinkerPath);
    await rest.unpublishCheckpoint(tinkerPath);
    const sent = scripted.sentTo(`${checkpoint}/publish`);
    expect(sent.map(({ method, body }) => [method, body])).toEqual([
      ['POST', undefined],
      ['DELETE', undefined],
    ]);
  });

  it('say at once that they are public already, unless this call may have made them so (RST-11)', async () => {
    const conflict = { status: 409, json: { detail: 'is public already' } };
    const away = { status: 503, json: { detail: 'away' } };
    await using refusing = await connectScripted({ [`${checkpoint}/publish`]: inTurn(conflict) });
    const rest = await refusing.service.createRestClient();
    await expect(rest.publishCheckpoint(tinkerPath)).rejects.toMatchObject({ code: 'conflict' });
    expect(refusing.sentTo(`${checkpoint}/publish`)).toHaveLength(1);

    await using forgetful = await connectScripted(
      {
        [`POST ${checkpoint}/publish`]: inTurn(away, conflict),
        [`DELETE ${checkpoint}`]: inTurn(away, { status: 404 }),
      },
      { random: () => 1 },
    );
    const other = await forgetful.service.createRestClient();
    await expect(other.publishCheckpoint(tinkerPath)).resolves.toBeUndefined();
    await expect(other.deleteCheckpoint(tinkerPath)).resolves.toBeUndefined();
    await expect(other.deleteCheckpoint(tinkerPath)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('get and lose an expiry, the latter by an explicit null (RST-13)', async () => {
    await using scripted = await connectScripted({ [`${checkpoint}/ttl`]: done });
    const rest = await scripted.service.createRestClient();
    await rest.setCheckpointTtl(tinkerPath, 86_400);
    await rest.setCheckpointTtl(tinkerPath, null);
    expect(bodiesOf(scripted, `${checkpoint}/ttl`)).toEqual([
      ['PUT', { ttl_seconds: 86_400 }],
      ['PUT', { ttl_seconds: null }],
    ]);
    for (const wrong of [0, -1, 1.5, Number.NaN]) {
      await expect(rest.setCheckpointTtl(tinkerPath, wrong)).rejects.toThrow('positive whole number');
    }
    await expect(rest.setCheckpointTtl(tinkerPath, undefined as never)).rejects.toThrow('null for never');
  });

  it('tell what they hold, and which run they belong to (RST-2, RST-4)', async () => {
    const run = {
      training_run_id: 's:train:0',
      base_model: 'base',
      model_owner: 'default',
      is_lora: true,
      last_request_time: '2026-01-01T00:00:00Z',
      last_checkpoint: null,
      user_metadata: { name: 'n', step: 1, tags: ['a'] },
    };
    await using scripted = await connectScripted({
      '/weights_info': { base_model: 'base', is_lora: true, lora_rank: 8, train_mlp: false },
      '/training_runs/s:train:0': run,
    });
    const rest = await scripted.service.createRestClient();
    await expect(rest.getWeightsInfo(tinkerPath)).resolves.toEqual({
      base_model: 'base',
      optimizer_config: { type: 'adamw' },
      is_lora: true,
      lora_rank: 8,
      train_mlp: false,
    });
    expect(bodiesOf(scripted, '/weights_info')).toEqual([['POST', { tinker_path: tinkerPath }]]);
    const query = { access_scope: 'accessible' } as const;
    await expect(rest.getTrainingRunByTinkerPath(tinkerPath, query)).resolves.toMatchObject({
      base_model: 'base',
      // A model may be made with any JSON, and a list must not break over it.
      user_metadata: { name: 'n', step: '1', tags: '["a"]' },
    });
    expect(scripted.sentTo('/training_runs/s:train:0')[0]?.path).toContain('?access_scope=accessible');
  });

  it('are copied into a project, the token of another account in its header alone (RST-25, SVC-10)', async () => {
    const repeats: ScriptedReply = ({ headers }) => ({ status: 403, json: { detail: 'no', headers } });
    const copied = { tinker_path: 'tinker://copy/weights/0001' };
    const replies: Record<string, ScriptedReply> = { '/copy_weights': copied };
    await using scripted = await connectScripted(replies, { project_id: 'own' });
    const rest = await scripted.service.createRestClient();
    await expect(rest.copyWeights(tinkerPath)).resolves.toEqual(copied);
    const input = { destination_project_id: 'other', ttl_seconds: 3600, weights_access_token: 'tml-other' };
    await scripted.service.copyWeights(tinkerPath, input);
    expect(bodiesOf(scripted, '/copy_weights')).toEqual([
      ['POST', { destination_project_id: 'own', source_path: tinkerPath }],
      ['POST', { destination_project_id: 'other', source_path: tinkerPath, ttl_seconds: 3600 }],
    ]);
    const headers = scripted.sentTo('/copy_weights').map((request) => request.headers);
    expect(headers.map((each) => each['x-tinker-weights-access-token'])).toEqual([undefined, 'tml-other']);
    expect(headers.map((each) => each['x-sdk-method'])).toEqual([
      'RestClient.copyWeights',
      'ServiceClient.copyWeights',
    ]);

    replies['/copy_weights'] = repeats;
    const error = await rest.copyWeights(tinkerPath, input).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'permission_denied' });
    expect(JSON.stringify([error, scripted.logs])).not.toContain('tml-other');
  });

  it('are not copied without a project', async () => {
    await using scripted = await connectScripted({}, { project_id: '' });
    const rest = await scripted.service.createRestClient();
    await expect(rest.copyWeights(tinkerPath)).rejects.toThrow('destination_project_id');
  });

  it('as external weights give a link for each file; other kinds have none (RST-24)', async () => {
    const external = 'tinker://s:train:0/external_weights/e1';
    const answer = {
      urls: { 'adapter_config.json': 'https://files.test/1' },
      expires: '2026-01-01T00:00:00Z',
    };
    const route = '/training_runs/s:train:0/checkpoints/external_weights/e1/external_weights_urls';
    await using scripted = await connectScripted({ [route]: answer });
    const rest = await scripted.service.createRestClient();
    await expect(rest.getExternalWeightsUrls(external)).resolves.toEqual(answer);
    await expect(rest.getExternalWeightsUrls(tinkerPath)).rejects.toThrow('only external weights');
  });

  it('are uploaded from files in three steps (RST-28)', async () => {
    const started = {
      upload_id: 'u1',
      urls: { 'adapter_config.json': 'https://files.test/1' },
      expires: 'later',
    };
    await using scripted = await connectScripted({
      '/external_weights_upload_start': started,
      '/external_weights_upload_finish': { tinker_path: 'tinker://u/external_weights/e' },
    });
    const rest = await scripted.service.createRestClient();
    const upload = await rest.externalWeightsUploadStart({ base_model: 'base', lora_config: { rank: 8 } });
    expect(upload).toEqual(started);
    await expect(rest.externalWeightsUploadFinish('u1')).resolves.toEqual({
      tinker_path: 'tinker://u/external_weights/e',
    });
    const lora_config = { rank: 8, train_unembed: true, train_mlp: true, train_attn: true };
    expect(bodiesOf(scripted, '/external_weights_upload_start')).toEqual([
      ['POST', { base_model: 'base', lora_config }],
    ]);
    const wrong = { base_model: 'base', lora_config: { rank: 0 } };
    await expect(rest.externalWeightsUploadStart(wrong)).rejects.toThrow('lora_config: rank');
  });

  it('have an archive under their bare names where a server knows no others (RST-7)', async () => {
    const archive = { url: 'https://files.test/a', expires: '2026-01-01T00:00:00Z' };
    await using scripted = await connectScripted({
      '/training_runs/model_1/checkpoints/sampler_weights/final/archive': () => ({ status: 405 }),
      '/training_runs/model_1/checkpoints/final/archive': archive,
    });
    const rest = await scripted.service.createRestClient();
    await expect(rest.getCheckpointArchiveUrl('tinker://model_1/final')).resolves.toEqual(archive);
  });
});

describe('sessions and samplers by REST', () => {
  it('move into a project (RST-17)', async () => {
    await using scripted = await connectScripted({ '/sessions/s1/project': done });
    const rest = await scripted.service.createRestClient();
    await rest.assignSessionProject('s1', 'p1');
    expect(bodiesOf(scripted, '/sessions/s1/project')).toEqual([['PUT', { project_id: 'p1' }]]);
    await expect(rest.assignSessionProject('s1', '')).rejects.toThrow('projectId must not be empty');
  });

  it('export their trace, asked for every five seconds until it is there (RST-18)', async () => {
    const clock = new ManualClock();
    const route = '/sessions/s1/trace_export';
    const pending = { status: 200, json: { status: 'pending' } };
    const ready = { status: 200, json: { status: 'ready', url: 'https://files.test/t' } };
    const failed = { status: 200, json: { status: 'failed', error: 'too long ago' } };
    await using scripted = await connectScripted(
      { [route]: inTurn(pending, ready, failed, pending) },
      { clock },
    );
    const rest = await scripted.service.createRestClient();
    const exporting = rest.exportSessionTrace('s1');
    await expect.poll(() => clock.pendingCount, { timeout: 10_000 }).toBeGreaterThan(0);
    await expect.poll(() => scripted.sentTo(route).length, { timeout: 10_000 }).toBe(1);
    await expect
      .poll(() => (clock.advance(5000), scripted.sentTo(route).length), { timeout: 10_000 })
      .toBe(2);
    await expect(exporting).resolves.toEqual({ url: 'https://files.test/t' });
    await expect(rest.exportSessionTrace('s1')).rejects.toMatchObject({
      code: 'request_failed',
      message: expect.stringContaining('too long ago'),
    });
    const waiting = rest.exportSessionTrace('s1', { timeoutMs: 3000 });
    await expect.poll(() => scripted.sentTo(route).length, { timeout: 10_000 }).toBe(4);
    clock.advance(3000);
    await expect(waiting).rejects.toMatchObject({ code: 'timeout' });
  });

  it('are found, page by page along the cursor (RST-26)', async () => {
    const session = (session_id: string, status?: object) => ({
      session_id,
      created_at: '2026-01-02T00:00:00Z',
      owner: 'urn:me',
      project_id: 'p1',
      checkpoints_count: 2,
      status,
    });
    const next_cursor = { last_created_at: '2026-01-02T00:00:00Z', last_session_id: 'a' };
    const first = {
      sessions: [session('a', { type: 'client_finished', reason: { type: 'errored' }, detail: null })],
      next_cursor,
    };
    const reason = { type: 'request', request_id: 'r', request_type: 'OptimStep' };
    const failure = { type: 'failed', category: 'user', reason, message: 'no' };
    const last = { sessions: [session('b', failure), session('c')], next_cursor: null };
    const route = '/sessions/search';
    const answers = inTurn({ status: 200, json: first }, { status: 200, json: last });
    await using scripted = await connectScripted({ [route]: answers });
    const rest = await scripted.service.createRestClient();
    const found = await Array.fromAsync(
      rest.searchSessions({
        display_name: 'n',
        owner: { type: 'accessible' },
        statuses: [{ type: 'client_finished', reasons: ['errored'] }, { type: 'failed' }],
      }),
    );
    expect(found.map(({ session_id, status }) => [session_id, status?.type])).toEqual([
      ['a', 'client_finished'],
      ['b', 'failed'],
      ['c', undefined],
    ]);
    const asked = {
      user_metadata: {},
      display_name: 'n',
      owner: { type: 'accessible' },
      statuses: [{ type: 'client_finished', reasons: ['errored'] }, { type: 'failed' }],
      limit: 50,
    };
    expect(bodiesOf(scripted, route)).toEqual([
      ['POST', asked],
      ['POST', { ...asked, cursor: next_cursor }],
    ]);
    expect(() => rest.searchSessions({ limit: 201 })).toThrow('limit');
    expect(() => rest.searchSessions({ display_name: '' })).toThrow('display_name');
    expect(() => rest.searchSessions({ statuses: [] })).toThrow('statuses');
    expect(() => rest.searchSessions({ owner: { type: 'user', owner_urns: [] } })).toThrow('owner_urns');
    expect(() => rest.searchSessions({ name: 'x' } as never)).toThrow("no option 'name'");
  });

  it('of a sampler tell its base model and its path (RST-19)', async () => {
    const sampler = {
      sampler_id: 's:sample:0',
      base_model: 'base',
      model_path: 'tinker://s/sampler_weights/1',
    };
    await using scripted = await connectScripted({ '/samplers/s:sample:0': sampler });
    const rest = await scripted.service.createRestClient();
    await expect(rest.getSampler('s:sample:0')).resolves.toEqual(sampler);
  });
});
