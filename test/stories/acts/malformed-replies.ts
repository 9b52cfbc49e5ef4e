import assert from 'node:assert/strict';
import { batch, forever, oneSample, routes, type Stage } from '../stage.ts';
import type { Act, Story } from '../story.ts';

/** What no server of the API says to a poll, and why it is not taken for a result. */
function strangeResult(happened: string, arrange: (stage: Stage) => void, tells: RegExp): Story {
  return {
    happened,
    sees: 'invalid_response',
    tells,
    async run(stage) {
      const training = await stage.training();
      arrange(stage);
      const sight = await stage.see(training.forward(batch));
      await stage.goesOn(training);
      return sight;
    },
  };
}

const protobuf = { kind: 'garbage', contentType: 'application/x-protobuf' } as const;

export const malformedReplies: Act = {
  title: 'malformed replies',
  stories: [
    {
      happened: 'connecting is answered with a web page',
      sees: 'invalid_response',
      tells: /client\/config answered something unexpected/,
      async run(stage) {
        stage.fault(routes.config, { kind: 'garbage' });
        return stage.see(stage.connect());
      },
    },
    {
      happened: 'forward_backward is answered without a request id',
      sees: 'invalid_response',
      tells: /forward_backward answered something unexpected.*request_id/s,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 200, { body: { request: 'x' } });
        const sight = await stage.see(training.forwardBackward(batch));
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'asample is answered with a web page',
      sees: 'invalid_response',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.fault(routes.sample, { kind: 'garbage' });
        const sight = await stage.see(sampler.sample(oneSample));
        await stage.samplesOn(sampler);
        return sight;
      },
    },
    strangeResult(
      'a poll is answered with a web page',
      (stage) => stage.fault(routes.poll, { kind: 'garbage' }),
      /Forward was answered with something that is no result/,
    ),
    strangeResult(
      'a poll is answered with a list',
      (stage) => stage.reply(routes.poll, 200, { body: [] }),
      /no result/,
    ),
    strangeResult(
      'a poll is answered with JSON of another kind',
      (stage) => stage.reply(routes.poll, 200, { body: { rows: 3 } }),
      /forward_backward/,
    ),
    strangeResult(
      'a poll is answered with bytes that are no protobuf',
      (stage) => stage.fault(routes.poll, { ...protobuf, body: '<html>' }),
      /the result of Forward .*protobuf/,
    ),
    strangeResult(
      'a poll is answered with protobuf that stops in the middle',
      (stage) => stage.fault(routes.poll, { ...protobuf, body: '\n\u0010Torch' }),
      /the result of Forward .*protobuf/,
    ),
    strangeResult(
      'a result is announced by its size, and announced again',
      (stage) =>
        stage.reply(routes.poll, 200, {
          count: 2,
          body: { status: 'complete_metadata', response_payload_size: 10 },
        }),
      /has a result but does not give it/,
    ),
    {
      happened: 'a sample has a result of another kind',
      sees: 'invalid_response',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.fault(routes.poll, { ...protobuf, body: 'no message' });
        const sight = await stage.see(sampler.sample(oneSample));
        await stage.samplesOn(sampler);
        return sight;
      },
    },
    {
      happened: 'polls are answered 400 with nothing in it three times, as a proxy does',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.fault(routes.poll, { kind: 'reply', status: 400 }, { count: 3 });
        const sight = await stage.see(training.optimStep());
        assert.equal(stage.requests(routes.poll).length >= 4, true);
        return sight;
      },
    },
    {
      happened: 'polls are answered 400 with nothing in it for ever',
      sees: 'bad_request',
      async run(stage) {
        const training = await stage.training();
        stage.fault(routes.poll, { kind: 'reply', status: 400 }, { count: forever });
        const sight = await stage.see(training.optimStep());
        stage.heal();
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'a poll is answered 400 with a detail, as older servers tell a failed operation',
      sees: 'request_failed',
      tells: /out of memory/,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.poll, 400, { body: { detail: 'out of memory' } });
        const sight = await stage.see(training.optimStep());
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'a list is answered with a web page',
      sees: 'invalid_response',
      async run(stage) {
        const rest = await (await stage.connect()).createRestClient();
        stage.fault(routes.sessions, { kind: 'garbage' });
        return stage.see(rest.listSessions());
      },
    },
  ],
};
