import assert from 'node:assert/strict';
import type { ServiceClient, TrainingClient } from '../../../src/index.ts';
import { batch, forever, oneSample, routes, type Stage } from '../stage.ts';
import type { Act } from '../story.ts';

/** Another program ends the session; the next heartbeat, ten seconds after it began, tells. */
async function finishElsewhere(stage: Stage, training: TrainingClient): Promise<void> {
  const [sessionId = ''] = training.modelId.split(':');
  const answer = await fetch(`${stage.url}/api/v1/sessions/${sessionId}/finish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ reason: { type: 'interrupted' } }),
  });
  assert.equal(answer.status, 204);
}

async function heartbeatTells(stage: Stage, service: ServiceClient): Promise<void> {
  let isTold = false;
  service.on('status.changed', ({ status }) => (isTold = status === 'failed'));
  await stage.pass(10_000);
  await stage.until(() => isTold);
}

/** The server says of every result that it is not there yet. */
function holdResults(stage: Stage): void {
  stage.fault(routes.poll, { kind: 'cut' }, { count: forever });
}

export const sessionElsewhere: Act = {
  title: 'a session finished elsewhere',
  stories: [
    {
      happened: 'the session is finished elsewhere while nothing is under way; then a call is made',
      sees: 'session_lost',
      tells: /session .* is gone on the server: finished elsewhere, or expired/,
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        await finishElsewhere(stage, training);
        await heartbeatTells(stage, service);
        return stage.see(training.forwardBackward(batch));
      },
    },
    {
      happened: 'the session is finished elsewhere while the result of forward_backward is awaited',
      sees: 'session_lost',
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        holdResults(stage);
        const sight = stage.see(training.forwardBackward(batch));
        await stage.until(() => stage.requests(routes.forwardBackward).length === 1);
        await finishElsewhere(stage, training);
        await heartbeatTells(stage, service);
        return sight;
      },
    },
    {
      happened: 'the session is finished elsewhere while a sample is awaited',
      sees: 'session_lost',
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        const sampler = await stage.sampler(service);
        holdResults(stage);
        const sight = stage.see(sampler.sample(oneSample));
        await stage.until(() => stage.requests(routes.sample).length === 1);
        await finishElsewhere(stage, training);
        await heartbeatTells(stage, service);
        await sight;
        assert.equal((await stage.see(sampler.sample(oneSample))).saw, 'session_lost');
        return sight;
      },
    },
    {
      happened: 'the session is finished elsewhere, and the next call comes before the next heartbeat',
      sees: 'gone',
      tells: /forward_backward answered 410: Session .* has ended \(interrupted\)/,
      async run(stage) {
        const training = await stage.training();
        await finishElsewhere(stage, training);
        return stage.see(training.forwardBackward(batch));
      },
    },
    {
      happened: 'the session is finished elsewhere; then another client is asked of the service',
      sees: 'session_lost',
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        await finishElsewhere(stage, training);
        await heartbeatTells(stage, service);
        const sight = await stage.see(stage.sampler(service));
        // A new service has a session of its own.
        await stage.goesOn(await stage.training());
        return sight;
      },
    },
  ],
};
