import assert from 'node:assert/strict';
import type { CustomLoss } from '../../../src/index.ts';
import { batch, routes, type Stage } from '../stage.ts';
import type { Act } from '../story.ts';

const { data } = batch;

/** A loss whose gradient is zero, and how often it was asked. */
function countedLoss(): { loss: CustomLoss; asked: () => number } {
  let count = 0;
  return {
    asked: () => count,
    loss: ({ logprobs }) => {
      count++;
      return { loss: 0, gradients: logprobs.map((row) => row.map(() => 0)) };
    },
  };
}

/** So many requests of the passes have been answered. */
function passesAnswered(stage: Stage, count: number): Promise<void> {
  return stage.until(
    () =>
      stage.requests(routes.forwardBackward).filter(({ status }) => status !== undefined).length === count,
  );
}

export const customLosses: Act = {
  title: 'A loss of the caller',
  stories: [
    {
      happened: 'the loss throws, with an optimizer step in line behind it',
      sees: 'custom_loss_failed',
      tells: /it threw: no reward; the call has no effect on the model, and calls after it go on/,
      async run(stage) {
        const training = await stage.training();
        const loss = (): never => {
          throw new Error('no reward');
        };
        const call = training.forwardBackwardCustom({ data, loss });
        const step = training.optimStep();
        const sight = await stage.see(call);
        await step;
        assert.deepEqual(stage.seqIds(routes.forwardBackward), [1]);
        assert.deepEqual(stage.seqIds(routes.optimStep), [2], 'the backward pass has taken no id');
        return sight;
      },
    },
    {
      happened: 'its forward pass is refused (422)',
      sees: 'unprocessable',
      async run(stage) {
        const training = await stage.training();
        const { loss, asked } = countedLoss();
        await stage.goesOn(training);
        stage.reply(routes.forwardBackward, 422);
        const sight = await stage.see(training.forwardBackwardCustom({ data, loss }));
        await stage.goesOn(training);
        assert.equal(asked(), 0);
        return sight;
      },
    },
    {
      happened: 'the result of its forward pass is lost (410)',
      sees: 'future_expired',
      async run(stage) {
        const training = await stage.training();
        const { loss, asked } = countedLoss();
        stage.reply(routes.poll, 410);
        const sight = await stage.see(training.forwardBackwardCustom({ data, loss }));
        assert.doesNotMatch(sight.words, /may have taken effect/, 'a forward pass has none');
        await stage.goesOn(training);
        assert.equal(asked(), 0);
        return sight;
      },
    },
    {
      happened: 'its backward pass is answered 500, not to be tried again',
      sees: 'server_error',
      tells: /may have taken effect all the same/,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 500, { nth: 2, headers: { 'x-should-retry': 'false' } });
        const sight = await stage.see(training.forwardBackwardCustom({ data, loss: countedLoss().loss }));
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'its backward pass is answered 402 twice',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        const { loss, asked } = countedLoss();
        stage.reply(routes.forwardBackward, 402, { nth: 2, count: 2 });
        const sight = await stage.see(training.forwardBackwardCustom({ data, loss }), [5000, 5000]);
        assert.deepEqual(stage.seqIds(routes.forwardBackward), [1, 2, 2, 2]);
        assert.equal(asked(), 1, 'the loss is asked once');
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'it is given up while its backward pass is paused (402)',
      sees: 'cancelled',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.forwardBackward, 402, { nth: 2 });
        const call = training.forwardBackwardCustom({ data, loss: countedLoss().loss });
        const next = training.forward(batch);
        await passesAnswered(stage, 2);
        call.cancel();
        const sight = await stage.see(call);
        await stage.see(next, [5000]);
        assert.equal((await next).loss_fn_outputs.length, 1);
        assert.deepEqual(
          stage.seqIds(routes.forwardBackward),
          [1, 2, 2],
          'the next call takes the id that is free',
        );
        return sight;
      },
    },
    {
      happened: 'it is given up while the loss is computed',
      sees: 'cancelled',
      async run(stage) {
        const training = await stage.training();
        const begun = Promise.withResolvers<void>();
        const loss: CustomLoss = () => {
          begun.resolve();
          return new Promise(() => undefined);
        };
        const call = training.forwardBackwardCustom({ data, loss });
        await begun.promise;
        call.cancel();
        const sight = await stage.see(call);
        await stage.goesOn(training);
        assert.deepEqual(stage.seqIds(routes.forwardBackward), [1, 2]);
        return sight;
      },
    },
  ],
};
