import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelInput, supervisedDatum } from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';

const exporter = new InMemorySpanExporter();
const data = [supervisedDatum({ tokens: [1, 2, 3] })];

let local: LocalService;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator({
    inject: (active, carrier, setter) => {
      const { traceId = '', spanId = '' } = trace.getSpanContext(active) ?? {};
      setter.set(carrier, 'traceparent', `00-${traceId}-${spanId}-01`);
    },
    extract: (active) => active,
    fields: () => ['traceparent'],
  });
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  local = await startLocalService();
});
afterAll(async () => {
  trace.disable();
  propagation.disable();
  context.disable();
  await local[Symbol.asyncDispose]();
});

describe('tracing (CFG-25, BEY-7)', () => {
  it('makes a span of each call, with its times, under the caller’s span, and sends the context along', async () => {
    const service = await local.connect({ tracing: true });
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const sampler = await service.createSamplingClient({ base_model: 'local/random' });
    const parent = trace.getTracer('test').startSpan('my loop');
    await context.with(trace.setSpan(context.active(), parent), async () => {
      await training.forward({ data, loss_fn: 'cross_entropy' });
      await sampler.sample({ prompt: modelInput([1, 2]), sampling_params: { max_tokens: 2 } });
      await training.saveState({ name: '..' }).catch(() => undefined);
    });
    const { traceId } = parent.spanContext();
    const spans = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
    expect(spans.map(({ name }) => name)).toEqual([
      'TrainingClient.forward',
      'SamplingClient.sample',
      'TrainingClient.saveState',
    ]);
    for (const { attributes } of spans.slice(0, 2)) {
      expect(attributes).toMatchObject({
        'tinker.queue_ms': expect.any(Number),
        'tinker.submit_ms': expect.any(Number),
        'tinker.wait_ms': expect.any(Number),
        'tinker.poll_count': expect.any(Number),
      });
    }
    expect(spans[2]?.status.message).toMatch(/name/);
    const sent = local.server.requests
      .filter(({ headers }) => headers['traceparent']?.includes(traceId))
      .map(({ path }) => path);
    expect(new Set(sent)).toEqual(
      new Set([
        '/api/v1/forward_backward',
        '/api/v1/asample',
        '/api/v1/retrieve_future',
        '/api/v1/save_weights',
      ]),
    );
  });

  it('costs nothing and sends nothing unless it is asked for', async () => {
    exporter.reset();
    const service = await local.connect();
    const sampler = await service.createSamplingClient({ base_model: 'local/random' });
    await sampler.sample({ prompt: modelInput([1, 2]), sampling_params: { max_tokens: 2 } });
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(local.server.requests.at(-1)?.headers['traceparent']).toBeUndefined();
  });
});
