import assert from 'node:assert/strict';
import { batch, forever, oneSample, retryWaits, routes, type Stage } from '../stage.ts';
import type { Act } from '../story.ts';

/** The server dies while the result of a call is asked for, and is back after three seconds, with nothing in its memory. */
async function dieAndComeBack(stage: Stage): Promise<void> {
  const soFar = stage.requests(routes.poll).length;
  await stage.until(() => stage.requests(routes.poll).length > soFar);
  await stage.restart(async () => {
    await stage.passBeforePoll(1000);
    await stage.passBeforePoll(2000);
  });
  await stage.passBeforePoll(4000);
}

/** From now on no result is fetched. */
function holdResults(stage: Stage): void {
  stage.fault(routes.poll, { kind: 'cut' }, { count: forever });
}

export const deadServer: Act = {
  title: 'a dead server that comes back',
  stories: [
    {
      happened: 'the server dies while a sample is drawn, and comes back',
      sees: 'result',
      async run(stage) {
        const sampler = await stage.sampler();
        holdResults(stage);
        const sight = stage.see(sampler.sample(oneSample));
        await dieAndComeBack(stage);
        await stage.pass(400);
        return sight;
      },
    },
    {
      happened: 'the server dies before forward_backward is answered, and comes back without the model',
      sees: 'future_expired',
      tells: /the result of ForwardBackward is lost.*; it may have taken effect/,
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        const { path } = await training.saveState({ name: 'before' });
        holdResults(stage);
        const sight = stage.see(training.forwardBackward(batch));
        await dieAndComeBack(stage);
        await sight;
        const next = await stage.see(training.forwardBackward(batch));
        assert.equal(next.saw, 'not_found');
        assert.match(
          next.words,
          new RegExp(`Its last checkpoint is ${path}: create a training client from it`),
        );
        await stage.goesOn(await service.createTrainingClientFromState({ path, optimizer: true }));
        return sight;
      },
    },
    {
      happened: 'the server is away when a program connects, and comes back',
      sees: 'result',
      async run(stage) {
        let connecting: ReturnType<Stage['see']> | undefined;
        await stage.restart(async () => {
          connecting = stage.see(stage.connect());
          for (const waitMs of retryWaits(2)) await stage.pass(waitMs);
        });
        await stage.pass(retryWaits(3)[2] ?? 0);
        assert(connecting !== undefined);
        return connecting;
      },
    },
    {
      happened: 'the server is away when forward_backward is sent, and comes back without the model',
      sees: 'not_found',
      tells: /Model .* is no longer in memory, since the server was restarted\. Nothing of it was saved/,
      async run(stage) {
        const training = await stage.training();
        let call: ReturnType<Stage['see']> | undefined;
        await stage.restart(async () => {
          call = stage.see(training.forwardBackward(batch));
          for (const waitMs of retryWaits(2)) await stage.pass(waitMs);
        });
        await stage.pass(retryWaits(3)[2] ?? 0);
        assert(call !== undefined);
        return call;
      },
    },
    {
      happened: 'no heartbeat is answered for more than two minutes, then one is',
      sees: 'result',
      isLong: true,
      async run(stage) {
        const service = await stage.connect();
        const sampler = await stage.sampler(service);
        const told: string[] = [];
        service.on('session.degraded', ({ silentMs }) => told.push(`degraded ${silentMs}`));
        service.on('session.recovered', () => told.push('recovered'));
        stage.fault(routes.heartbeat, { kind: 'cut' }, { count: 13 });
        const silence = async (): Promise<void> => {
          for (let beat = 0; beat < 14; beat++) {
            await stage.pass(10_000);
            await stage.until(() => stage.requests(routes.heartbeat).length > beat);
          }
          await stage.until(() => told.length === 2);
          await sampler.sample(oneSample);
        };
        const sight = await stage.see(silence());
        assert.deepEqual(told, ['degraded 120000', 'recovered']);
        return sight;
      },
    },
  ],
};
