// What a long run leaves behind, in a process of its own: `node --expose-gc test/bench/leak.ts URL COUNT WARM_UP_COUNT`.
// COUNT training steps, then COUNT samples, all through one service and with one signal of the caller's.
import { getEventListeners } from 'node:events';
import { Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import { EventEmitter } from 'eventemitter3';
import { Actor } from 'xstate';
import { modelInput, ServiceClient, supervisedDatum } from '../../src/index.ts';
import type { Census } from './census.ts';
import { requireLocalUrl, runConcurrently } from './measure.ts';
import { promptTokens, sampledTokens, smallDatumTokens } from './sizes.ts';

const [url, countText, warmUpText] = process.argv.slice(2);
const baseUrl = requireLocalUrl(url);
const count = Number(countText);
const warmUpCount = Number(warmUpText);
const { gc } = globalThis;
if (gc === undefined) throw new Error('start it with --expose-gc');

const { signal } = new AbortController();
const tokens = Int32Array.from({ length: promptTokens }, (_, index) => index);
const heapMarks: number[] = [];

/** The class of the emitter library's listeners, which it does not export: one object for each live listener. */
const Listener = listenerClass();

function listenerClass(): new () => object {
  const emitter = new EventEmitter();
  emitter.on('any', () => undefined);
  const { _events } = emitter as unknown as { _events: { any: { constructor: new () => object } } };
  return _events.any.constructor;
}

async function collect(): Promise<NodeJS.MemoryUsage> {
  for (let pass = 0; pass < 3; pass++) {
    await new Promise((resolve) => setImmediate(resolve));
    gc?.();
  }
  return process.memoryUsage();
}

/** Counts what is alive, once everything that has ended was collected. */
async function takeCensus(): Promise<Census> {
  const { heapUsed, external } = await collect();
  const resources = process.getActiveResourcesInfo();
  return {
    heapMegabytes: heapUsed / 1e6,
    externalMegabytes: external / 1e6,
    handles: resources.filter((name) => name !== 'Timeout' && name !== 'Immediate').length,
    timers: resources.filter((name) => name === 'Timeout').length,
    sockets: queryObjects(Socket, { format: 'count' }),
    actors: queryObjects(Actor, { format: 'count' }),
    emitterListeners: queryObjects(Listener, { format: 'count' }),
    signals: queryObjects(AbortSignal, { format: 'count' }),
    signalListeners: getEventListeners(signal, 'abort').length,
  };
}

const service = await ServiceClient.connect({ baseUrl, apiKey: 'tml-bench' });
const training = await service.createLoraTrainingClient({ base_model: 'bench/model', rank: 8 });
const sampler = await service.createSamplingClient({ base_model: 'bench/model' });
let completed = 0;
training.on('turn.completed', () => void completed++);

const step = async (): Promise<void> => {
  const datum = supervisedDatum({ tokens: tokens.slice(0, smallDatumTokens + 1) });
  const passed = training.forwardBackward({ data: [datum], loss_fn: 'cross_entropy' }, { signal });
  const stepped = training.optimStep({ learning_rate: 1e-4 }, { signal });
  await Promise.all([passed, stepped]);
};
const sample = () =>
  sampler.sample({ prompt: modelInput(tokens), sampling_params: { max_tokens: sampledTokens } }, { signal });

async function runInParts(concurrency: number, work: () => Promise<unknown>): Promise<void> {
  for (let part = 0; part < 5; part++) {
    await runConcurrently(count / 5, concurrency, work);
    heapMarks.push((await collect()).heapUsed / 1e6);
  }
}

await runConcurrently(warmUpCount, 8, step);
await runConcurrently(warmUpCount, 400, sample);
const before = await takeCensus();
await runInParts(8, step);
const afterSteps = await takeCensus();
await runInParts(400, sample);
const afterSamples = await takeCensus();
if (completed !== 2 * (warmUpCount + count)) throw new Error(`${completed} turns were told of`);
await service.close();
const closed = await takeCensus();
process.stdout.write(`${JSON.stringify({ before, afterSteps, afterSamples, closed, heapMarks })}\n`);
