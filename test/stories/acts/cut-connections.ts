import assert from 'node:assert/strict';
import { batch, fiveMinutes, forever, oneSample, retryWaits, routes } from '../stage.ts';
import type { Act } from '../story.ts';

const handled = { kind: 'cut', afterBytes: 0 } as const;

export const cutConnections: Act = {
  title: 'cut connections',
  stories: [
    {
      happened: 'the connection breaks before forward_backward is handled',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.fault(routes.forwardBackward, { kind: 'cut' });
        return stage.see(training.forwardBackward(batch), retryWaits(1));
      },
    },
    {
      happened: 'the answer to forward_backward is lost, the work is done',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.fault(routes.forwardBackward, handled);
        const call = training.forwardBackward(batch);
        const step = training.optimStep({ learning_rate: 1e-2 });
        const sight = await stage.see(call, retryWaits(1));
        await step;
        // The same once without a fault: a gradient that counted twice would have moved the weights elsewhere.
        const other = await stage.training();
        await Promise.all([other.forwardBackward(batch), other.optimStep({ learning_rate: 1e-2 })]);
        const [now, expected] = await Promise.all([training.forward(batch), other.forward(batch)]);
        assert.equal(now.metrics['loss:sum'], expected.metrics['loss:sum'], 'the gradient counted once');
        return sight;
      },
    },
    {
      happened: 'the answer to optim_step breaks off in the middle',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.fault(routes.optimStep, { kind: 'cut', afterBytes: 5 });
        return stage.see(training.optimStep(), retryWaits(1));
      },
    },
    {
      happened: 'two polls of a result break off',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.fault(routes.poll, { kind: 'cut' });
        stage.fault(routes.poll, { kind: 'cut', afterBytes: 20 }, { nth: 2 });
        return stage.see(training.forward(batch), [1000, 2000]);
      },
    },
    {
      happened: 'the answer to asample is lost, the sample is drawn',
      sees: 'result',
      async run(stage) {
        const sampler = await stage.sampler();
        stage.fault(routes.sample, handled);
        const sight = await stage.see(sampler.sample(oneSample), retryWaits(1));
        assert.deepEqual(stage.seqIds(routes.sample), [0, 0]);
        return sight;
      },
    },
    {
      happened: 'the answers to create_session and create_model are lost, both are made',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        stage.fault(routes.createSession, handled);
        stage.fault(routes.createModel, handled);
        const made = stage.training(service);
        const sight = await stage.see(made, [...retryWaits(1), ...retryWaits(1)]);
        const [created, again] = stage.requests(routes.createSession);
        assert.equal(again?.headers['x-idempotency-key'], created?.headers['x-idempotency-key']);
        await stage.goesOn(await made);
        return sight;
      },
    },
    {
      happened: 'the answer to a named save is lost, and the server answers 409 to its repetition',
      sees: 'result',
      async run(stage) {
        const service = await stage.connect();
        const training = await stage.training(service);
        const rest = await service.createRestClient();
        stage.fault(routes.saveWeights, handled);
        stage.reply(routes.saveWeights, 409, { nth: 2, body: { detail: 'the name exists' } });
        const save = training.saveState({ name: 'answer-lost' });
        const sight = stage.see(save);
        while ((await rest.listCheckpoints(training.modelId)).items.length === 0);
        await stage.pass(retryWaits(1)[0] ?? 0);
        assert.equal((await save).path, `tinker://${training.modelId}/weights/answer-lost`);
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'a named save gets a 502, and 409 to its repetition while the checkpoint is still written',
      sees: 'result',
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.saveWeights, 502);
        stage.reply(routes.saveWeights, 409, { nth: 2, body: { detail: 'the name exists' } });
        const list = {
          checkpoints: [
            {
              checkpoint_id: 'weights/slow',
              checkpoint_type: 'training',
              time: '9999-01-01T00:00:00Z',
              tinker_path: 'tinker://run/weights/slow',
            },
          ],
        };
        stage.reply(routes.checkpoints, 200, { body: { checkpoints: [] } });
        stage.reply(routes.checkpoints, 200, { nth: 2, body: list });
        const save = training.saveState({ name: 'slow' });
        const sight = await stage.see(save, [...retryWaits(1), 1000]);
        assert.equal((await save).path, 'tinker://run/weights/slow');
        return sight;
      },
    },
    {
      happened: 'a named save gets a 502, and 409 to its repetition because an older checkpoint has the name',
      sees: 'conflict',
      async run(stage) {
        const training = await stage.training();
        const list = {
          checkpoints: [
            {
              checkpoint_id: 'weights/old',
              checkpoint_type: 'training',
              time: '2020-01-01T00:00:00Z',
              tinker_path: 'tinker://run/weights/old',
            },
          ],
        };
        stage.reply(routes.saveWeights, 502);
        stage.reply(routes.saveWeights, 409, { nth: 2, body: { detail: 'the name exists' } });
        stage.reply(routes.checkpoints, 200, { body: list });
        const sight = await stage.see(training.saveState({ name: 'old' }), retryWaits(1));
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'a named save is answered 409: somebody has taken the name',
      sees: 'conflict',
      tells: /save_weights answered 409: the name exists/,
      async run(stage) {
        const training = await stage.training();
        stage.reply(routes.saveWeights, 409, { body: { detail: 'the name exists' } });
        const sight = await stage.see(training.saveState({ name: 'taken' }));
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'no optim_step reaches the server for more than five minutes',
      sees: 'connection',
      tells: /Could not reach .*; it may have taken effect all the same/,
      isLong: true,
      async run(stage) {
        const training = await stage.training();
        stage.fault(routes.optimStep, { kind: 'cut' }, { count: forever });
        const sight = await stage.see(training.optimStep(), fiveMinutes);
        stage.heal();
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'no poll of a sample is answered for two hours',
      sees: 'connection',
      tells: /No progress made in 7200 s: requests appear to be stuck/,
      isLong: true,
      async run(stage) {
        const sampler = await stage.sampler();
        stage.fault(routes.poll, { kind: 'cut' }, { count: forever });
        const sight = await stage.see(sampler.sample(oneSample), [2 * 60 * 60_000]);
        stage.heal();
        await stage.samplesOn(sampler);
        return sight;
      },
    },
    {
      happened: 'one of the three requests of a call never reaches the server, and retries are off',
      sees: 'connection',
      tells: /chunk [12] of 3 failed \(accepted and counting: [12]\)/,
      async run(stage) {
        stage.reply(routes.config, 200, { body: { fwdbwd_max_chunk_len: 1 } });
        const training = await stage.training();
        const data = Array.from({ length: 3 }, () => batch.data).flat();
        stage.fault(routes.forwardBackward, { kind: 'cut' });
        const sight = await stage.see(training.forwardBackward({ ...batch, data }, { retry: false }));
        await stage.goesOn(training);
        return sight;
      },
    },
    {
      happened: 'a list breaks off twice',
      sees: 'result',
      async run(stage) {
        const rest = await (await stage.connect()).createRestClient();
        stage.fault(routes.sessions, { kind: 'cut' }, { count: 2 });
        return stage.see(rest.listSessions(), retryWaits(2));
      },
    },
  ],
};
