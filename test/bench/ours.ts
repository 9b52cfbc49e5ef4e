// One workload with this SDK, in a process of its own: `node test/bench/ours.ts WORKLOAD URL COUNT WARM_UP_COUNT`.
import { packageVersion } from '../../src/core/version.ts';
import { modelInput, ServiceClient, supervisedDatum } from '../../src/index.ts';
import { toChunks } from '../../src/client/training/chunking.ts';
import { checkForwardBackward } from '../../src/client/training/check-data.ts';
import { decodeForwardBackwardOutput } from '../../src/http/decode.ts';
import { encodeForwardBackward } from '../../src/http/encode.ts';
import type { Datum } from '../../src/types/datum.ts';
import {
  measure,
  report,
  requireLocalUrl,
  runConcurrently,
  runRepeatedly,
  type Measurement,
} from './measure.ts';
import { datumCount, promptTokens, sampledTokens, smallDatumTokens, tokensPerDatum } from './sizes.ts';

const [workload = '', url, countText, warmUpText] = process.argv.slice(2);
const baseUrl = requireLocalUrl(url);
const count = Number(countText);
const warmUpCount = Number(warmUpText);

const tokensOf = (length: number): Int32Array =>
  Int32Array.from({ length }, (_, index) => (index * 7919) % 150_000);

async function measureSamples(): Promise<Omit<Measurement, 'version'>> {
  await using service = await ServiceClient.connect({ baseUrl, apiKey: 'tml-bench' });
  const sampler = await service.createSamplingClient({ base_model: 'bench/model' });
  const prompt = tokensOf(promptTokens);
  const sample = () =>
    sampler.sample({
      prompt: modelInput(prompt),
      num_samples: 1,
      sampling_params: { max_tokens: sampledTokens, temperature: 1 },
    });
  await runConcurrently(warmUpCount, 400, sample);
  return await measure(() => runConcurrently(count, 400, sample));
}

/** `ahead` steps are under way at once: what is known of a step is awaited while later ones have been sent. */
async function measureSteps(ahead: number): Promise<Omit<Measurement, 'version'>> {
  await using service = await ServiceClient.connect({ baseUrl, apiKey: 'tml-bench' });
  const training = await service.createLoraTrainingClient({ base_model: 'bench/model', rank: 8 });
  const tokens = tokensOf(smallDatumTokens + 1);
  const run = async (steps: number): Promise<number[]> => {
    const latencies: number[] = [];
    const pending: Promise<void>[] = [];
    for (let step = 0; step < steps; step++) {
      if (pending.length >= ahead) await pending.shift();
      const startedAt = performance.now();
      const passed = training.forwardBackward({
        data: [supervisedDatum({ tokens })],
        loss_fn: 'cross_entropy',
      });
      const stepped = training.optimStep({ learning_rate: 1e-4 });
      pending.push(
        Promise.all([passed, stepped]).then(() => void latencies.push(performance.now() - startedAt)),
      );
    }
    await Promise.all(pending);
    return latencies;
  };
  await run(warmUpCount);
  return await measure(() => run(count));
}

function largeBatch(): Datum[] {
  const shape = [tokensPerDatum];
  return Array.from({ length: datumCount }, (): Datum => {
    const tokens = tokensOf(tokensPerDatum);
    return {
      model_input: modelInput(tokens),
      loss_fn_inputs: {
        target_tokens: { dtype: 'int64', data: BigInt64Array.from(tokens, BigInt), shape },
        weights: { dtype: 'float32', data: new Float32Array(tokensPerDatum).fill(1), shape },
      },
    };
  });
}

const limits = { datumCount: 1024, bytes: 5_000_000 };

/** `encode`: only the encoder, on data that has been checked. `encode-arrays`: from the caller's arrays to the bodies. */
async function measureEncoding(whole: boolean): Promise<Omit<Measurement, 'version'>> {
  const common = {
    model_id: 'bench-1:train:0',
    seq_id: 1,
    loss_fn: 'cross_entropy',
    forward_only: false,
  } as const;
  const input = { data: largeBatch(), loss_fn: common.loss_fn } as const;
  const chunksOf = () => toChunks(checkForwardBackward(input).data, limits);
  const checked = chunksOf();
  let bytes = 0;
  const encode = (): void => {
    bytes = 0;
    for (const data of whole ? chunksOf() : checked)
      bytes += encodeForwardBackward({ ...common, data }).byteLength;
  };
  runRepeatedly(warmUpCount, encode);
  return { ...(await measure(() => runRepeatedly(count, encode))), bytesPerUnit: bytes };
}

async function measureDecoding(): Promise<Omit<Measurement, 'version'>> {
  const response = await fetch(`${baseUrl}/api/v1/recorded/large-output`);
  const recorded = new Uint8Array(await response.arrayBuffer());
  // A body of its own each time, as from the network, beginning in turn at each place beside a multiple of four.
  const bodies = Array.from({ length: warmUpCount + count }, (_, index) => {
    const body = new Uint8Array(recorded.length + (index % 4));
    body.set(recorded, index % 4);
    return body.subarray(index % 4);
  });
  const decode = () => decodeForwardBackwardOutput(bodies.pop() ?? recorded);
  runRepeatedly(warmUpCount, decode);
  return { ...(await measure(() => runRepeatedly(count, decode))), bytesPerUnit: recorded.byteLength };
}

async function run(): Promise<Omit<Measurement, 'version'>> {
  switch (workload) {
    case 'sample':
      return measureSamples();
    case 'step':
      return measureSteps(8);
    case 'step-burst':
      return measureSteps(Number.POSITIVE_INFINITY);
    case 'encode':
      return measureEncoding(false);
    case 'encode-arrays':
      return measureEncoding(true);
    case 'decode':
      return measureDecoding();
    default:
      throw new Error(`there is no workload '${workload}'`);
  }
}

report({ ...(await run()), version: packageVersion });
