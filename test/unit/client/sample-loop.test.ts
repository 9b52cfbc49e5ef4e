import { describe, expect, it } from 'vitest';
import { BillingPause } from '../../../src/client/billing-pause.ts';
import { DispatchGate } from '../../../src/client/sampling/dispatch-gate.ts';
import { sampleUntilDone } from '../../../src/client/sampling/sample-loop.ts';
import { ConnectionError, FutureExpiredError, RequestFailedError } from '../../../src/core/errors.ts';
import { SpanLaps, startNoSpan } from '../../../src/core/tracing.ts';
import type { RequestOptions } from '../../../src/types/options.ts';
import type { SampleResponse } from '../../../src/types/sampling.ts';
import { scriptedApi, type ScriptedAnswer } from '../../helpers/scripted-api.ts';

const drawn: SampleResponse = {
  sequences: [],
  prompt_logprobs: null,
  topk_prompt_logprobs: null,
  target_prompt_logprobs: null,
  prompt_alt_tokens: null,
  prompt_cache_hit_tokens: 0,
};

/** A loop on a clock of its own. Submissions and results fail as the lists say, one after the other, and then succeed. */
function setUp({
  submissions = [],
  results = [],
  bytes = 30,
}: { submissions?: ScriptedAnswer[]; results?: Error[]; bytes?: number } = {}) {
  const { api, clock, sent, outcomeOf } = scriptedApi(submissions, (count) => ({
    status: 200,
    json: { request_id: `r${count}` },
  }));
  const retried: number[] = [];
  let nextSeqId = 0;
  const loop = {
    api,
    gate: new DispatchGate({ clock, sizeBytes: 1_000_000, onChange: () => undefined }),
    billing: new BillingPause({ clock, maxPauseMs: 60_000, onPause: () => undefined }),
    laps: new SpanLaps(startNoSpan('test'), clock),
    beginsAnew: true,
    nextSeqId: () => nextSeqId++,
    retrieve: async () => {
      const failure = results.shift();
      if (failure !== undefined) throw failure;
      return drawn;
    },
    onRetry: (attempt: number) => void retried.push(attempt),
  };
  const body = {
    num_samples: 1,
    prompt: {},
    sampling_params: {},
    sampling_session_id: 's',
    prompt_logprobs: false,
    topk_prompt_logprobs: 0,
  };
  return {
    clock,
    retried,
    /** Sequence id and time of each submission, and the key that it was sent with. */
    sent: () =>
      sent.map(({ body: text, headers, at }) => ({
        seqId: JSON.parse(String(text)).seq_id,
        key: headers['x-idempotency-key'],
        at,
      })),
    sample(
      more: Partial<typeof loop> = {},
      { signal = new AbortController().signal, ...sending }: RequestOptions = {},
    ): Promise<unknown> {
      return outcomeOf(sampleUntilDone({ ...loop, ...more }, body, bytes, { ...sending, signal }));
    },
  };
}

describe('one sample', () => {
  it('is repeated as it is, a second later, while it is turned away (wire-protocol 7.3)', async () => {
    const scene = setUp({ submissions: [{ status: 429 }, { status: 429 }] });
    await expect(scene.sample()).resolves.toBe(drawn);
    expect(scene.sent().map(({ seqId, at }) => [seqId, at])).toEqual([
      [0, 0],
      [0, 1000],
      [0, 2000],
    ]);
    expect(new Set(scene.sent().map(({ key }) => key)).size, 'a key of its own each time').toBe(3);
    expect(scene.retried).toEqual([]);
  });

  it('with a large prompt waits five seconds when it is turned away', async () => {
    const scene = setUp({ submissions: [{ status: 429 }], bytes: 131_073 });
    await scene.sample();
    expect(scene.sent().map(({ at }) => at)).toEqual([0, 5000]);
  });

  it('waits for billing, until that takes too long', async () => {
    const paid = setUp({ submissions: [{ status: 402 }] });
    await expect(paid.sample()).resolves.toBe(drawn);
    expect(paid.sent().map(({ at }) => at)).toEqual([0, 5000]);
    const unpaid = setUp({ submissions: Array.from({ length: 50 }, () => ({ status: 402 })) });
    await expect(unpaid.sample()).resolves.toMatchObject({ code: 'billing' });
    expect(unpaid.sent()).toHaveLength(14);
  });

  it('is sent again while the server fails, when the server says so or at growing distances', async () => {
    const scene = setUp({
      submissions: [
        { status: 503, headers: { 'retry-after': '2' } },
        new ConnectionError('cut'),
        { status: 500 },
      ],
    });
    await expect(scene.sample()).resolves.toBe(drawn);
    expect(scene.sent().map(({ seqId, at }) => [seqId, at])).toEqual([
      [0, 0],
      [0, 2000],
      [0, 2875],
      [0, 4625],
    ]);
  });

  it('begins anew with another sequence id when its result is lost, at growing distances', async () => {
    const scene = setUp({ results: Array.from({ length: 3 }, () => new FutureExpiredError('lost')) });
    await expect(scene.sample()).resolves.toBe(drawn);
    expect(scene.sent().map(({ seqId, at }) => [seqId, at])).toEqual([
      [0, 0],
      [1, 500],
      [2, 1500],
      [3, 3500],
    ]);
    expect(scene.retried).toEqual([1, 2, 3]);
  });

  it('begins anew when the server was away for more than five minutes', async () => {
    const scene = setUp({ submissions: Array.from({ length: 40 }, () => new ConnectionError('down')) });
    await expect(scene.sample()).resolves.toBe(drawn);
    expect(scene.retried).toEqual([1]);
    expect(new Set(scene.sent().map(({ seqId }) => seqId))).toEqual(new Set([0, 1]));
  });

  it.each([
    [
      'an operation that the server failed',
      { results: [new RequestFailedError('no', 'server')] },
      'request_failed',
    ],
    ['a refusal', { submissions: [{ status: 422 }] }, 'unprocessable'],
    ['a sampler that does not exist', { submissions: [{ status: 404 }] }, 'not_found'],
  ])('fails at once for %s', async (_, script, code) => {
    const scene = setUp(script);
    await expect(scene.sample()).resolves.toMatchObject({ code });
    expect(scene.sent()).toHaveLength(1);
  });

  it('does not begin anew where the server lets none, but is still sent again', async () => {
    const scene = setUp({ submissions: [{ status: 503 }], results: [new FutureExpiredError('lost')] });
    await expect(scene.sample({ beginsAnew: false })).resolves.toMatchObject({ code: 'future_expired' });
    expect(scene.sent()).toHaveLength(2);
  });

  it('is sent once when retries are off, whatever the answer', async () => {
    for (const status of [429, 402, 503]) {
      const scene = setUp({ submissions: [{ status }] });
      await expect(scene.sample({ beginsAnew: false }, { retry: false })).resolves.toMatchObject({ status });
      expect(scene.sent()).toHaveLength(1);
    }
  });

  it('ends with the reason of its signal in whatever wait it is', async () => {
    const reason = new Error('enough');
    const waits = [{ submissions: [{ status: 503 }] }, { results: [new FutureExpiredError('lost')] }];
    for (const script of waits) {
      const scene = setUp(script);
      const controller = new AbortController();
      scene.clock.setTimeout(() => controller.abort(reason), 250);
      await expect(scene.sample({}, { signal: controller.signal })).resolves.toBe(reason);
      expect(scene.clock.pendingCount).toBe(0);
    }
  });
});
