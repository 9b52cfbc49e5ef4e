import assert from 'node:assert/strict';
import type { TrainingClient } from '../../../src/index.ts';
import { batch, forever, oneSample, ownReason, retryWaits, routes, type Stage } from '../stage.ts';
import type { Act, Story } from '../story.ts';

interface Scene {
  call: PromiseLike<unknown>;
  /** Resolves when the call is where the story wants it. */
  reached: Promise<void>;
  /** What must hold afterwards. */
  after?: () => Promise<void>;
}

/** A call whose signal aborts at one stage: the caller gets its own reason at once, and everything else goes on. */
function aborted(happened: string, arrange: (stage: Stage, signal: AbortSignal) => Promise<Scene>): Story {
  return {
    happened: `${happened}, and is aborted`,
    sees: 'reason',
    async run(stage) {
      const controller = new AbortController();
      const { call, reached, after } = await arrange(stage, controller.signal);
      const sight = stage.see(call);
      await reached;
      controller.abort(ownReason);
      await sight;
      await after?.();
      return sight;
    },
  };
}

const [firstRetry = 0] = retryWaits(1);

/** No sequence id is missing, and none was used twice for different calls. */
async function goesOnAt(stage: Stage, training: TrainingClient, seqId: number): Promise<void> {
  await stage.goesOn(training);
  assert.equal(stage.seqIds(routes.forwardBackward).at(-1), seqId);
}

export const abortedTraining: Act = {
  title: 'abort of a training call, at each stage',
  stories: [
    aborted('a call waits for its turn', async (stage, signal) => {
      const training = await stage.training();
      stage.reply(routes.forwardBackward, 503);
      const first = training.forward(batch);
      const call = training.forward(batch, { signal });
      return {
        call,
        reached: stage.begun(firstRetry),
        async after() {
          await stage.pass(firstRetry);
          await first;
          await goesOnAt(stage, training, 2);
        },
      };
    }),
    aborted('the request of a call is on its way', async (stage, signal) => {
      const training = await stage.training();
      const request = stage.hold(routes.forwardBackward);
      return {
        call: training.forward(batch, { signal }),
        reached: request.arrived(),
        async after() {
          request.release();
          await goesOnAt(stage, training, 2);
        },
      };
    }),
    aborted('a call waits for its next attempt', async (stage, signal) => {
      const training = await stage.training();
      stage.reply(routes.forwardBackward, 503);
      return {
        call: training.forward(batch, { signal }),
        reached: stage.begun(firstRetry),
        async after() {
          await stage.pass(firstRetry);
          await goesOnAt(stage, training, 2);
        },
      };
    }),
    aborted('a call is paused for billing', async (stage, signal) => {
      const training = await stage.training();
      stage.reply(routes.forwardBackward, 402);
      return {
        call: training.forward(batch, { signal }),
        reached: stage.begun(5000),
        async after() {
          await stage.pass(5000);
          // The server has turned the request away unseen: the next call takes its place.
          await goesOnAt(stage, training, 1);
        },
      };
    }),
    aborted('the result of a call is awaited', async (stage, signal) => {
      const training = await stage.training();
      const poll = stage.hold(routes.poll);
      return {
        call: training.forward(batch, { signal }),
        reached: poll.arrived(),
        async after() {
          await goesOnAt(stage, training, 2);
          poll.release();
        },
      };
    }),
    aborted('a call waits for its next poll', async (stage, signal) => {
      const training = await stage.training();
      stage.reply(routes.poll, 500);
      return {
        call: training.forward(batch, { signal }),
        reached: stage.begun(1000),
        after: () => goesOnAt(stage, training, 2),
      };
    }),
    {
      happened: 'a call is made with a signal that is aborted',
      sees: 'reason',
      async run(stage) {
        const training = await stage.training();
        const sight = await stage.see(training.forward(batch, { signal: AbortSignal.abort(ownReason) }));
        await goesOnAt(stage, training, 1);
        return sight;
      },
    },
  ],
};

export const abortedSampling: Act = {
  title: 'abort of a sample, at each stage',
  stories: [
    aborted('a sample waits for the place of another', async (stage, signal) => {
      stage.reply(routes.config, 200, { body: { sample_max_concurrent_requests: 1 } });
      const sampler = await stage.sampler();
      const request = stage.hold(routes.sample);
      const first = sampler.sample(oneSample);
      return {
        call: sampler.sample(oneSample, { signal }),
        reached: request.arrived(),
        async after() {
          request.release();
          await first;
          assert.equal(stage.requests(routes.sample).length, 1, 'it was never sent');
          await stage.samplesOn(sampler);
        },
      };
    }),
    aborted('a sample waits because the server asked to slow down', async (stage, signal) => {
      const sampler = await stage.sampler();
      stage.reply(routes.sample, 429);
      return {
        call: sampler.sample(oneSample, { signal }),
        reached: stage.begun(1000),
        async after() {
          const next = sampler.sample(oneSample);
          await stage.pass(1000);
          await next;
          assert.equal(stage.requests(routes.sample).length, 2, 'it was not sent again');
        },
      };
    }),
    aborted('the request of a sample is on its way', async (stage, signal) => {
      const sampler = await stage.sampler();
      const request = stage.hold(routes.sample);
      const other = sampler.sample(oneSample);
      return {
        call: sampler.sample(oneSample, { signal }),
        reached: request.arrived(),
        async after() {
          request.release();
          await other;
        },
      };
    }),
    aborted('a sample waits for its next attempt', async (stage, signal) => {
      const sampler = await stage.sampler();
      stage.reply(routes.sample, 503);
      return {
        call: sampler.sample(oneSample, { signal }),
        reached: stage.begun(firstRetry),
        after: () => stage.samplesOn(sampler),
      };
    }),
    aborted('the result of a sample is awaited', async (stage, signal) => {
      const sampler = await stage.sampler();
      const poll = stage.hold(routes.poll);
      return {
        call: sampler.sample(oneSample, { signal }),
        reached: poll.arrived(),
        async after() {
          await stage.samplesOn(sampler);
          poll.release();
        },
      };
    }),
    aborted('a sample whose result was lost waits to begin anew', async (stage, signal) => {
      const sampler = await stage.sampler();
      stage.reply(routes.poll, 410);
      return {
        call: sampler.sample(oneSample, { signal }),
        reached: stage.begun(400),
        async after() {
          await stage.samplesOn(sampler);
          assert.deepEqual(stage.seqIds(routes.sample), [0, 1], 'it did not begin anew');
        },
      };
    }),
  ],
};

/** The creation of a client at one of its requests, and that the service makes others afterwards. */
function creationAborted(request: string, route: string, make: 'training' | 'sampler'): Story {
  return aborted(
    `${make === 'training' ? 'a training client' : 'a sampling client'} is being created (${request} is on its way)`,
    async (stage, signal) => {
      const service = await stage.connect();
      const held = stage.hold(route);
      const call =
        make === 'training'
          ? service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 }, { signal })
          : service.createSamplingClient({ base_model: 'local/random' }, { signal });
      return {
        call,
        reached: held.arrived(),
        async after() {
          held.release();
          await stage.goesOn(await stage.training(service));
        },
      };
    },
  );
}

export const abortedOthers: Act = {
  title: 'abort of connecting, creating and listing',
  stories: [
    aborted('a program connects (client/config is on its way)', async (stage, signal) => {
      const request = stage.hold(routes.config);
      return {
        call: stage.connect({ signal }),
        reached: request.arrived(),
        after: async () => request.release(),
      };
    }),
    aborted('connecting waits for its next attempt', async (stage, signal) => {
      stage.reply(routes.config, 503, { count: forever });
      return { call: stage.connect({ signal }), reached: stage.begun(firstRetry) };
    }),
    creationAborted('create_session', routes.createSession, 'training'),
    creationAborted('create_model', routes.createModel, 'training'),
    creationAborted('retrieve_future', routes.poll, 'training'),
    creationAborted('get_info', routes.getInfo, 'training'),
    creationAborted('create_sampling_session', routes.createSampler, 'sampler'),
    aborted('a list is on its way', async (stage, signal) => {
      const rest = await (await stage.connect()).createRestClient();
      const request = stage.hold(routes.sessions);
      return {
        call: Promise.resolve(rest.listSessions({}, { signal })),
        reached: request.arrived(),
        async after() {
          request.release();
          await rest.listSessions();
        },
      };
    }),
    aborted('a list waits for its next attempt', async (stage, signal) => {
      const rest = await (await stage.connect()).createRestClient();
      stage.reply(routes.sessions, 503);
      return {
        call: Promise.resolve(rest.listSessions({}, { signal })),
        reached: stage.begun(firstRetry),
        async after() {
          await rest.listSessions();
        },
      };
    }),
  ],
};
