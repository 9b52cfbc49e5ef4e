import { describe, expect, it } from 'vitest';
import { BillingPause } from '../../../src/client/billing-pause.ts';
import { CompletionPoller } from '../../../src/client/sampling/completion-poller.ts';
import { ConnectionError } from '../../../src/core/errors.ts';
import { scriptedApi, type ScriptedAnswer } from '../../helpers/scripted-api.ts';

const never = new AbortController().signal;
const finished = (request_id: string) => ({
  state: 'finished',
  request_id,
  response_payload_uncompressed_size: 9,
});
const answer = (cursor: number, ...ids: string[]): ScriptedAnswer => ({
  status: 200,
  json: { completions: ids.map(finished), cursor },
});

function setUp(...script: ScriptedAnswer[]) {
  const scene = scriptedApi(script, () => answer(99));
  const { api, clock, sent } = scene;
  const ending = new AbortController();
  const poller = new CompletionPoller({
    api,
    billing: new BillingPause({ clock, maxPauseMs: 60_000, onPause: () => undefined }),
    sampling_session_id: 's:sample:0',
    copy: 2,
    isSubmitting: () => false,
    signal: ending.signal,
  });
  return { ...scene, poller, ending, bodies: () => sent.map(({ body }) => JSON.parse(String(body))) };
}

describe('the completion poller (SMP-13)', () => {
  it('asks once for all that wait, from the cursor of the answer before, and reports what was fetched', async () => {
    const scene = setUp(answer(3, 'b', 'a'), answer(4, 'c'), answer(4));
    const waits = Promise.all(['a', 'b'].map((id) => scene.poller.waitFor(id, never)));
    await expect(scene.outcomeOf(waits)).resolves.toEqual([finished('a'), finished('b')]);
    scene.poller.noteFetched('b');
    scene.poller.noteFetched('a');
    await expect(scene.outcomeOf(scene.poller.waitFor('c', never))).resolves.toEqual(finished('c'));
    const target = { type: 'sampling_session', sampling_session_id: 's:sample:0', cloned_sampler_id: 2 };
    expect(scene.bodies().slice(0, 2)).toEqual([
      { target, prev_cursor: 0, retrieved_request_ids: [] },
      { target, prev_cursor: 3, retrieved_request_ids: ['a', 'b'] },
    ]);
    scene.ending.abort();
  });

  it('keeps what finished before anybody waited for it', async () => {
    const scene = setUp(answer(2, 'a', 'b'));
    await scene.outcomeOf(scene.poller.waitFor('a', never));
    await expect(scene.poller.waitFor('b', never)).resolves.toEqual(finished('b'));
    scene.ending.abort();
  });

  it('goes on after an outage, a second later each time', async () => {
    const scene = setUp(new ConnectionError('down'), { status: 503 }, { status: 429 }, answer(1, 'a'));
    await expect(scene.outcomeOf(scene.poller.waitFor('a', never))).resolves.toEqual(finished('a'));
    expect(scene.sent.slice(0, 4).map(({ at }) => at)).toEqual([0, 1000, 2000, 3000]);
    scene.ending.abort();
  });

  it('takes three bare 400 for a proxy, and a fourth for a refusal', async () => {
    const scene = setUp(...Array.from({ length: 4 }, () => ({ status: 400, json: {} })));
    await expect(scene.outcomeOf(scene.poller.waitFor('a', never))).resolves.toBeUndefined();
    expect(scene.sent).toHaveLength(4);
    scene.ending.abort();
  });

  it('has results asked for directly where the server does not know the call, then and later', async () => {
    const scene = setUp({ status: 404 });
    await expect(scene.outcomeOf(scene.poller.waitFor('a', never))).resolves.toBeUndefined();
    await expect(scene.poller.waitFor('b', never)).resolves.toBeUndefined();
    expect(scene.sent).toHaveLength(1);
  });

  it('has what it waited for asked for directly after any other refusal, and polls again for the next', async () => {
    const scene = setUp({ status: 410 }, answer(1, 'b'));
    await expect(scene.outcomeOf(scene.poller.waitFor('a', never))).resolves.toBeUndefined();
    await expect(scene.outcomeOf(scene.poller.waitFor('b', never))).resolves.toEqual(finished('b'));
    expect(scene.bodies()[1]).toMatchObject({ prev_cursor: 0 });
    scene.ending.abort();
  });

  it('reports what is left when it is closed, without a hold', async () => {
    const scene = setUp(answer(5, 'a'), answer(5));
    await scene.outcomeOf(scene.poller.waitFor('a', never));
    scene.poller.noteFetched('a');
    await scene.outcomeOf(scene.poller.report(never));
    expect(scene.bodies().at(-1)).toMatchObject({ prev_cursor: 5, timeout: 0, retrieved_request_ids: ['a'] });
    scene.ending.abort();
  });

  it('rejects a wait with the reason of its signal', async () => {
    const scene = setUp();
    const controller = new AbortController();
    const wait = scene.poller.waitFor('a', controller.signal);
    controller.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    scene.ending.abort();
  });
});
