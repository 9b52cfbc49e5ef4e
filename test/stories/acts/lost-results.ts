import assert from 'node:assert/strict';
import { batch, forever, oneSample, routes } from '../stage.ts';
import type { Act } from '../story.ts';

export const lostResults: Act = {
  title: '410',
  stories: [
    {
      happened: 'the result of forward_backward is lost (410)',
      sees: 'future_expired',
      tells: /the result of ForwardBackward is lost: a story; it may have taken effect/,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.poll, 410);
        const sight = await stage.see(training.forwardBackward(batch));
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'the result of a sample is lost twice (410)',
      sees: 'result',
      async run(stage) {
        const sampler = await stage.sampler();
        const retried: number[] = [];
        sampler.on('sample.retried', ({ attempt }) => retried.push(attempt));
        stage.reply(routes.poll, 410, { count: 2 });
        // Half a second doubling, up to a quarter more or less.
        const sight = await stage.see(sampler.sample(oneSample), [400, 800]);
        assert.deepEqual(stage.seqIds(routes.sample), [0, 1, 2]);
        assert.deepEqual(retried, [1, 2]);
        return sight;
      },
    },
    {
      happened: 'the result of a sample is lost (410), and retries are off',
      sees: 'future_expired',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.reply(routes.poll, 410);
        const sight = await stage.see(sampler.sample(oneSample, { retry: false }));
        await stage.samplesOn(sampler);
        return sight;
      },
    },
  ],
};

export const billing: Act = {
  title: '402',
  stories: [
    {
      happened: 'forward_backward is answered 402 three times, until the account is topped up',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        const pauses: number[] = [];
        service.on('billing.paused', ({ pausedMs }) => pauses.push(pausedMs));
        stage.reply(routes.forwardBackward, 402, { count: 3 });
        const sight = await stage.see(training.forwardBackward(batch), [5000, 5000, 5000]);
        assert.deepEqual(stage.seqIds(routes.forwardBackward), [1, 1, 1, 1]);
        assert.deepEqual(pauses, [0], 'a pause is told when it begins, and then every minute');
        return sight;
      },
    },
    {
      happened: 'one of the three requests of a call is answered 402',
      sees: 'result',
      async run(stage) {
        stage.reply(routes.config, 200, { body: { fwdbwd_max_chunk_len: 1 } });
        const training = await stage.training();
        const data = Array.from({ length: 3 }, () => batch.data).flat();
        stage.reply(routes.forwardBackward, 402, { nth: 2 });
        const call = training.forwardBackward({ ...batch, data });
        const sight = await stage.see(call, [5000]);
        assert.equal(
          (await call).loss_fn_outputs.every(({ logprobs }) => logprobs?.data.length === 5),
          true,
          'every datum counts',
        );
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'a call in three requests is given up while one of them is paused (402)',
      sees: 'cancelled',
      async run(stage) {
        stage.reply(routes.config, 200, { body: { fwdbwd_max_chunk_len: 1 } });
        const training = await stage.training();
        const data = Array.from({ length: 3 }, () => batch.data).flat();
        stage.reply(routes.forwardBackward, 402, { nth: 2 });
        const call = training.forwardBackward({ ...batch, data });
        const next = training.forward(batch);
        await stage.until(
          () =>
            stage.requests(routes.forwardBackward).filter(({ status }) => status !== undefined).length === 2,
        );
        call.cancel();
        const sight = await stage.see(call);
        await stage.see(next, [5000]);
        assert.equal(
          (await next).loss_fn_outputs.length,
          1,
          'the next call has the result of its own request',
        );
        assert.deepEqual(
          stage.seqIds(routes.forwardBackward).toSorted((a, b) => a - b),
          [1, 2, 2, 3, 3, 4],
        );
        return sight;
      },
    },
    {
      happened: 'polls of a result are answered 402 twice',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.poll, 402, { count: 2 });
        return stage.see(training.optimStep(), [5000, 5000]);
      },
    },
    {
      happened: 'asample is answered 402 once',
      sees: 'result',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.reply(routes.sample, 402);
        return stage.see(sampler.sample(oneSample), [5000]);
      },
    },
    {
      happened: 'forward_backward is answered 402 for longer than the server lets a pause last (a minute)',
      sees: 'billing',
      tells: /forward_backward answered 402/,
      isLong: true,
      async run(stage) {
        stage.reply(routes.config, 200, { body: { billing_exception_max_pause_duration_sec: 60 } });
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 402, { count: forever });
        const sight = await stage.see(
          training.forwardBackward(batch),
          Array.from({ length: 13 }, () => 5000),
        );
        stage.heal();
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'create_model is answered 402',
      sees: 'billing',
      async run(stage) {
        const service = await stage.connect();
        stage.reply(routes.createModel, 402);
        const sight = await stage.see(stage.training(service));
        await stage.goesOn(await stage.training(service));
        return sight;
      },
    },
    {
      happened: 'connecting is answered 402',
      sees: 'billing',
      async run(stage) {
        stage.reply(routes.config, 402);
        return stage.see(stage.connect());
      },
    },
  ],
};
