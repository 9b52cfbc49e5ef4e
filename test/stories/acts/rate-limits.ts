import assert from 'node:assert/strict';
import { batch, fiveMinutes, forever, oneSample, retryWaits, routes } from '../stage.ts';
import type { Act } from '../story.ts';

export const rateLimits: Act = {
  title: '429 storms',
  stories: [
    {
      happened: 'connecting is answered 429 twice',
      sees: 'result',
      async run(stage) {
        stage.reply(routes.config, 429, { count: 2 });
        return stage.see(stage.connect(), retryWaits(2));
      },
    },
    {
      happened: 'forward_backward is answered 429 three times, with retry-after-ms',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 429, { count: 3, headers: { 'retry-after-ms': '20' } });
        const sight = await stage.see(training.forwardBackward(batch), [20, 20, 20]);
        assert.deepEqual(stage.seqIds(routes.forwardBackward), [1, 1, 1, 1]);
        return sight;
      },
    },
    {
      happened: 'polls of a result are answered 429 five times',
      sees: 'result',
      isLong: true,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.poll, 429, { count: 5 });
        return stage.see(training.forward(batch), [1000, 2000, 4000, 8000, 16_000]);
      },
    },
    {
      happened: 'thirty samples at once, of which the first ten submissions are answered 429',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        const sampler = await stage.sampler(service);
        const throttled: number[] = [];
        service.on('sampling.throttled', ({ concurrency }) => throttled.push(concurrency));
        stage.reply(routes.sample, 429, { count: 10 });
        const samples = Array.from({ length: 30 }, () => sampler.sample(oneSample));
        const sight = await stage.seeThrough(Promise.all(samples), 1000);
        assert.equal(stage.requests(routes.sample).length, 40);
        assert.equal(
          new Set(stage.seqIds(routes.sample)).size,
          30,
          'a submission that is turned away is repeated as it is',
        );
        assert.equal(throttled[0], 10, 'after a back-off ten submissions go out at once');
        return sight;
      },
    },
    {
      happened: 'a sample is answered 429 for a minute',
      sees: 'result',
      isLong: true,
      async run(stage) {
        const sampler = await stage.sampler();
        stage.reply(routes.sample, 429, { count: 60 });
        return stage.see(
          sampler.sample(oneSample),
          Array.from({ length: 60 }, () => 1000),
        );
      },
    },
    {
      happened: 'forward_backward is answered 429 for more than five minutes',
      sees: 'rate_limited',
      tells: /forward_backward answered 429/,
      isLong: true,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 429, { count: forever });
        const sight = await stage.see(training.forwardBackward(batch), fiveMinutes);
        stage.heal();
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'a sample is answered 429, and retries are off',
      sees: 'rate_limited',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.reply(routes.sample, 429);
        const sight = await stage.see(sampler.sample(oneSample, { retry: false }));
        assert.equal(stage.requests(routes.sample).length, 1);
        // The others slow down all the same.
        await stage.see(sampler.sample(oneSample), [1000]);
        return sight;
      },
    },
    {
      happened: 'a list is answered 429 with x-should-retry: false',
      sees: 'rate_limited',
      async run(stage) {
        const rest = await (await stage.connect()).createRestClient();
        stage.reply(routes.sessions, 429, { headers: { 'x-should-retry': 'false' } });
        return stage.see(rest.listSessions());
      },
    },
  ],
};
