import assert from 'node:assert/strict';
import type { SamplingClient, TrainingClient } from '../../../src/index.ts';
import { batch, forever, oneSample, routes, type Stage } from '../stage.ts';
import type { Act, Sight, Story } from '../story.ts';

const deadlineMs = 700;

interface Scene {
  call: PromiseLike<unknown>;
  /** Resolves when the call is where the story wants it. */
  reached: Promise<void>;
  client: TrainingClient | SamplingClient;
}

/** A client is closed while a call of it cannot finish: at the deadline of closing the call fails, and the client is closed. */
function cutOff(happened: string, arrange: (stage: Stage) => Promise<Scene>): Story {
  return {
    happened: `${happened}, its client is closed, and the deadline of closing passes`,
    sees: 'client_closed',
    tells: /was closed before this (call|sample) was answered/,
    async run(stage) {
      const { call, reached, client } = await arrange(stage);
      const sight = stage.see(call);
      await reached;
      const closing = client.close({ deadlineMs });
      await stage.pass(deadlineMs);
      await closing;
      return sight;
    },
  };
}

/** The server gives no result. */
function holdResults(stage: Stage): void {
  stage.fault(routes.poll, { kind: 'cut' }, { count: forever });
}

async function trainingScene(
  stage: Stage,
  arrange: () => void,
  reached: () => Promise<void>,
): Promise<Scene> {
  const client = await stage.training();
  arrange();
  return { client, call: client.forward(batch), reached: reached() };
}

async function samplingScene(
  stage: Stage,
  arrange: () => void,
  reached: () => Promise<void>,
): Promise<Scene> {
  const client = await stage.sampler();
  arrange();
  return { client, call: client.sample(oneSample), reached: reached() };
}

export const closedClients: Act = {
  title: 'close of a client, at each stage',
  stories: [
    {
      happened: 'a training client is closed with three calls in line and their results awaited',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        const calls = [training.forwardBackward(batch), training.optimStep(), training.forward(batch)];
        const [sight] = await Promise.all([stage.see(Promise.all(calls)), training.close()]);
        assert.equal((await stage.see(training.forward(batch))).saw, 'client_closed');
        return sight;
      },
    },
    cutOff('a call waits for its turn', async (stage) => {
      const client = await stage.training();
      stage.reply(routes.forwardBackward, 503, { headers: { 'retry-after-ms': '30000' } });
      client.forward(batch).catch(() => undefined);
      return { client, call: client.forward(batch), reached: stage.begun(30_000) };
    }),
    cutOff('the request of a call is on its way', async (stage) => {
      const client = await stage.training();
      const request = stage.hold(routes.forwardBackward, 30_000);
      return { client, call: client.forward(batch), reached: request.arrived() };
    }),
    cutOff('a call waits for its next attempt', (stage) =>
      trainingScene(
        stage,
        () => stage.reply(routes.forwardBackward, 503, { headers: { 'retry-after-ms': '30000' } }),
        () => stage.begun(30_000),
      ),
    ),
    cutOff('a call is paused for billing', (stage) =>
      trainingScene(
        stage,
        () => stage.reply(routes.forwardBackward, 402, { count: forever }),
        () => stage.begun(5000),
      ),
    ),
    cutOff('the result of a call cannot be had', (stage) =>
      trainingScene(
        stage,
        () => holdResults(stage),
        () => stage.begun(1000),
      ),
    ),
    {
      happened: 'a sampling client is closed with twenty samples under way',
      sees: 'result',
      async run(stage) {
        const sampler = await stage.sampler();
        const samples = Array.from({ length: 20 }, () => sampler.sample(oneSample));
        const [sight] = await Promise.all([stage.see(Promise.all(samples)), sampler.close()]);
        assert.equal((await stage.see(sampler.sample(oneSample))).saw, 'client_closed');
        return sight;
      },
    },
    cutOff('the request of a sample is on its way', async (stage) => {
      const client = await stage.sampler();
      const request = stage.hold(routes.sample, 30_000);
      return { client, call: client.sample(oneSample), reached: request.arrived() };
    }),
    cutOff('a sample waits because the server asked to slow down', (stage) =>
      samplingScene(
        stage,
        () => stage.reply(routes.sample, 429, { count: forever }),
        () => stage.begun(1000),
      ),
    ),
    cutOff('a sample waits for its next attempt', (stage) =>
      samplingScene(
        stage,
        () => stage.reply(routes.sample, 503, { headers: { 'retry-after-ms': '30000' } }),
        () => stage.begun(30_000),
      ),
    ),
    cutOff('the result of a sample cannot be had', (stage) =>
      samplingScene(
        stage,
        () => holdResults(stage),
        () => stage.begun(1000),
      ),
    ),
  ],
};

export const closedServices: Act = {
  title: 'close of a service, at each stage',
  stories: [
    {
      happened: 'a service is closed while a call and a sample are under way',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        const [training, sampler] = [await stage.training(service), await stage.sampler(service)];
        const calls = Promise.all([training.forwardBackward(batch), sampler.sample(oneSample)]);
        const [sight] = await Promise.all([stage.see(calls), service.close()]);
        assert.deepEqual(
          stage.finishes().map(({ status }) => status),
          [204],
        );
        assert.equal((await stage.see(stage.training(service))).saw, 'client_closed');
        return sight;
      },
    },
    {
      happened: 'a service is closed, a call and a sample get no result, and the deadline of closing passes',
      sees: 'client_closed',
      async run(stage) {
        const service = await stage.connect();
        const [training, sampler] = [await stage.training(service), await stage.sampler(service)];
        holdResults(stage);
        const calls = [training.forwardBackward(batch), sampler.sample(oneSample)].map((call) =>
          stage.see(Promise.resolve(call)),
        );
        await stage.begun(1000);
        const closing = service.close({ deadlineMs });
        await stage.pass(deadlineMs);
        const [first, second] = await Promise.all(calls);
        await closing;
        assert.equal(second?.saw, 'client_closed');
        assert.equal(stage.finishes().length, 1, 'the session is finished all the same');
        assert(first !== undefined);
        return first;
      },
    },
    closedWhile('a session is being created', routes.createSession),
    closedWhile('a model is being created', routes.createModel),
    closedWhile('the facts of a new model are asked for', routes.getInfo),
    {
      happened: 'a service is closed while a list is on its way',
      sees: 'client_closed',
      async run(stage) {
        const service = await stage.connect();
        const rest = await service.createRestClient();
        const request = stage.hold(routes.sessions);
        const sight = stage.see(rest.listSessions());
        await request.arrived();
        await service.close();
        request.release();
        return sight;
      },
    },
    {
      happened: 'a service is closed while a list waits for its next attempt',
      sees: 'client_closed',
      async run(stage) {
        const service = await stage.connect();
        const rest = await service.createRestClient();
        stage.reply(routes.sessions, 503, { headers: { 'retry-after-ms': '30000' } });
        const sight = stage.see(rest.listSessions());
        await stage.begun(30_000);
        await service.close();
        return sight;
      },
    },
    {
      happened: 'a closed service is asked for its capabilities',
      sees: 'client_closed',
      async run(stage) {
        const service = await stage.connect();
        await service.close();
        return stage.see(service.getServerCapabilities());
      },
    },
    {
      happened: 'a service is closed while the server is away',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        await stage.sampler(service);
        let sight: Sight | undefined;
        await stage.restart(async () => {
          // What is left of telemetry is given two seconds.
          sight = await stage.seeWithin(service.close(), 2500);
        });
        assert(sight !== undefined);
        return sight;
      },
    },
    {
      happened: 'a service is closed, and the server does not answer that the session is finished',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        await stage.sampler(service);
        stage.hold('/api/v1/sessions/:session/finish', 30_000);
        return stage.seeWithin(service.close(), 5500);
      },
    },
    {
      happened: 'a service is closed twice, and its clients afterwards',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        return stage.see(Promise.all([service.close(), service.close(), training.close()]));
      },
    },
  ],
};

function closedWhile(happened: string, route: string): Story {
  return {
    happened: `a service is closed while ${happened}`,
    sees: 'client_closed',
    async run(stage) {
      const service = await stage.connect();
      const request = stage.hold(route);
      const sight = stage.see(stage.training(service));
      await request.arrived();
      const closing = service.close();
      await sight;
      request.release();
      await closing;
      return sight;
    },
  };
}
