import assert from 'node:assert/strict';
import { batch, fiveMinutes, forever, oneSample, retryWaits, routes } from '../stage.ts';
import type { Act } from '../story.ts';

export const serverErrors: Act = {
  title: '5xx',
  stories: [
    {
      happened: 'forward_backward is answered 503 once, with retry-after-ms',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 503, { headers: { 'retry-after-ms': '20' } });
        const sight = await stage.see(training.forwardBackward(batch), [20]);
        assert.deepEqual(stage.seqIds(routes.forwardBackward), [1, 1]);
        return sight;
      },
    },
    {
      happened: 'polls of a result are answered 500 four times',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.poll, 500, { count: 4 });
        return stage.see(training.optimStep(), [1000, 2000, 4000, 5000]);
      },
    },
    {
      happened: 'asample is answered 500 three times',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        const sampler = await stage.sampler(service);
        const told: string[] = [];
        service.on('retry.scheduled', ({ what, attempt }) => told.push(`${what} ${attempt}`));
        stage.reply(routes.sample, 500, { count: 3 });
        const sight = await stage.see(sampler.sample(oneSample), retryWaits(3));
        assert.deepEqual(
          told,
          [1, 2, 3].map((attempt) => `POST /api/v1/asample ${attempt}`),
        );
        assert.deepEqual(stage.seqIds(routes.sample), [0, 0, 0, 0]);
        return sight;
      },
    },
    {
      happened: 'asample is answered 503, and retries are off',
      sees: 'server_error',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.reply(routes.sample, 503);
        const sight = await stage.see(sampler.sample(oneSample, { retry: false }));
        assert.equal(stage.requests(routes.sample).length, 1);
        return sight;
      },
    },
    {
      happened: 'asample is answered 503 twice, and the server lets no sample begin anew (sample_no_retries)',
      sees: 'result',
      async run(stage) {
        stage.reply(routes.config, 200, { body: { sample_no_retries: true } });
        const sampler = await stage.sampler();
        stage.reply(routes.sample, 503, { count: 2 });
        return stage.see(sampler.sample(oneSample), retryWaits(2));
      },
    },
    {
      happened: 'create_model is answered 502 twice',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        stage.reply(routes.createModel, 502, { count: 2 });
        return stage.see(stage.training(service), retryWaits(2));
      },
    },
    {
      happened: 'optim_step is answered 500 for more than five minutes',
      sees: 'server_error',
      tells:
        /optim_step answered 500: a story; it may have taken effect all the same: .* continue from the last saved state/,
      isLong: true,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.optimStep, 500, { count: forever });
        const sight = await stage.see(training.optimStep(), fiveMinutes);
        stage.heal();
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'one of three calls in line is answered 500 with x-should-retry: false',
      sees: 'server_error',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 500, { nth: 2, headers: { 'x-should-retry': 'false' } });
        const [first, second, third] = Array.from({ length: 3 }, () => training.forwardBackward(batch));
        const sight = await stage.see(Promise.resolve(second));
        await Promise.all([first, third]);
        return sight;
      },
    },
    {
      happened: 'create_session is answered 500 for more than five minutes',
      sees: 'server_error',
      isLong: true,
      async run(stage) {
        const service = await stage.connect();
        stage.reply(routes.createSession, 500, { count: forever });
        const sight = await stage.see(stage.sampler(service), fiveMinutes);
        stage.heal();
        await stage.samplesOn(await stage.sampler(service));
        return sight;
      },
    },
    {
      happened: 'a list is answered 500 once, and retries are off',
      sees: 'server_error',
      async run(stage) {
        const rest = await (await stage.connect()).createRestClient();
        stage.reply(routes.sessions, 500);
        return stage.see(Promise.resolve(rest.listSessions({}, { retry: false })));
      },
    },
  ],
};

export const timeouts: Act = {
  title: '408',
  stories: [
    {
      happened: 'polls are answered 408 twice, with paused_capacity',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        const body = { queue_state: 'paused_capacity', queue_state_reason: 'short of machines' };
        stage.reply(routes.poll, 408, { count: 2, body });
        const call = training.forward(batch);
        const states: string[] = [];
        call.on('queue.changed', ({ queue_state }) => states.push(queue_state));
        // An answer that was not held for a while is not asked for again at once, but for the first.
        const sight = await stage.see(call, [200]);
        assert.deepEqual(states, ['paused_capacity', 'active']);
        return sight;
      },
    },
    {
      happened: 'a poll is answered try_again, another 408 with nothing in it',
      sees: 'result',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.reply(routes.poll, 200, { body: { type: 'try_again', queue_state: 'paused_rate_limit' } });
        stage.fault(routes.poll, { kind: 'reply', status: 408 }, { nth: 2 });
        return stage.see(sampler.sample(oneSample), [200]);
      },
    },
    {
      happened: 'forward_backward is answered 408 once',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 408);
        const sight = await stage.see(training.forward(batch), retryWaits(1));
        assert.deepEqual(stage.seqIds(routes.forwardBackward), [1, 1]);
        return sight;
      },
    },
  ],
};
