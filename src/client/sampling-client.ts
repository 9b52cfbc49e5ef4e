import { Budget } from '../core/budget.ts';
import { checkOptionNames } from '../core/config.ts';
import type { Emitter } from '../core/emitter.ts';
import { ClientClosedError, InvalidArgumentError, InvalidResponseError } from '../core/errors.ts';
import { attributed } from '../core/sdk-method.ts';
import { SpanLaps } from '../core/tracing.ts';
import { toSampleBody } from '../http/endpoints/sampling.ts';
import type { ClientLife } from '../types/client-life.ts';
import type { SamplerFacts } from '../machines/ports.ts';
import type { SamplingEvents } from '../types/events.ts';
import type { UntypedFuture } from '../types/futures.ts';
import type { ModelInput } from '../types/model-input.ts';
import { requestOptionNames, type RequestOptions } from '../types/options.ts';
import type { SampleInput, SampleResponse } from '../types/sampling.ts';
import { EventedClient } from './evented-client.ts';
import { pollFuture } from './poll-future.ts';
import { sampleResult } from './results.ts';
import type { ServiceRuntime } from './runtime.ts';
import { checkSample, checkSampleResponse } from './sampling/check-sample.ts';
import type { InFlight } from './sampling/in-flight.ts';
import { ProgressWatch } from './sampling/progress-watch.ts';
import { estimatePromptBytes } from './sampling/prompt-bytes.ts';
import { sampleUntilDone } from './sampling/sample-loop.ts';
import { toTokenizerId, type Tokenizer } from './tokenizers.ts';

/** @internal */
export interface SamplingClientParts {
  sampler: SamplerFacts;
  runtime: ServiceRuntime;
  life: ClientLife;
  emitter: Emitter<SamplingEvents>;
  inFlight: InFlight;
}

/** Weights to sample from: a base model's, or saved ones. Samples run side by side, in no order. */
export class SamplingClient extends EventedClient<SamplingEvents> {
  readonly #sampler: SamplerFacts;
  readonly #runtime: ServiceRuntime;
  readonly #emitter: Emitter<SamplingEvents>;
  readonly #inFlight: InFlight;
  readonly #permits: Budget;
  readonly #watch: ProgressWatch;
  #nextSeqId = 0;

  /** @internal `ServiceClient` and `TrainingClient` make sampling clients. */
  static create(parts: SamplingClientParts): SamplingClient {
    return new SamplingClient(parts);
  }

  private constructor(parts: SamplingClientParts) {
    super(parts.emitter, parts.life);
    this.#sampler = parts.sampler;
    this.#runtime = parts.runtime;
    this.#emitter = parts.emitter;
    this.#inFlight = parts.inFlight;
    const { api, config } = parts.runtime;
    this.#permits = new Budget(config.sample_max_concurrent_requests - 1);
    this.#watch = new ProgressWatch({
      clock: api.connection.clock,
      isBusy: () => config.sample_enable_stuck_detection && this.#inFlight.count > 0,
      onStuck: (error) => this.#inFlight.abort(error),
    });
  }

  /** The server's id of this sampler. */
  get samplerId(): string {
    return this.#sampler.sampling_session_id;
  }

  /** Null where the server does not say. */
  get baseModel(): string | null {
    return this.#sampler.base_model;
  }

  /** Completions of one prompt: `num_samples` (1) sequences. Aborting gives this sample up and leaves others alone. */
  async sample(input: SampleInput, options: RequestOptions = {}): Promise<SampleResponse> {
    const request = checkSample(input);
    checkOptionNames('sample options', options, requestOptionNames);
    if (!this.life.isOpen)
      throw this.life.failure ?? new ClientClosedError('sample: this sampling client is closed');
    this.#watch.noteStart();
    try {
      return await this.#inFlight.run(options, (signal) =>
        this.#permits.run(1, signal, () =>
          this.#sample(request, { ...options, timeoutMs: undefined, signal }),
        ),
      );
    } finally {
      if (this.#inFlight.count === 0) this.#watch.noteIdle();
    }
  }

  /**
   * The log-probability of each token of the prompt; NaN for the first, which nothing comes before, and for those before
   * the last `prompt_logprobs_last_n` if that is given.
   */
  async computeLogprobs(
    prompt: ModelInput,
    {
      prompt_logprobs_last_n,
      ...options
    }: RequestOptions & { prompt_logprobs_last_n?: number | undefined } = {},
  ): Promise<Float32Array> {
    const input = {
      prompt,
      num_samples: 1,
      sampling_params: { max_tokens: 1 },
      prompt_logprobs: true,
      prompt_logprobs_last_n,
    };
    const { prompt_logprobs } = await this.sample(
      input,
      attributed('SamplingClient.computeLogprobs', options),
    );
    if (prompt_logprobs === null)
      throw new InvalidResponseError('the server gave no log-probabilities of the prompt');
    return prompt_logprobs;
  }

  /** The tokenizer of the base model. */
  async getTokenizer(): Promise<Tokenizer> {
    if (this.baseModel === null)
      throw new InvalidArgumentError('the server did not say which base model this is');
    return this.#runtime.tokenizers.get(toTokenizerId(this.baseModel));
  }

  async #sample(
    input: SampleInput,
    options: RequestOptions & { signal: AbortSignal },
  ): Promise<SampleResponse> {
    const { api, config, gate, billing, startSpan } = this.#runtime;
    const laps = new SpanLaps(startSpan('SamplingClient.sample'), api.connection.clock);
    const { headers } = attributed('SamplingClient.sample', {
      headers: { ...laps.headers, ...options.headers },
    });
    const loop = {
      laps,
      beginsAnew: options.retry !== false && !config.sample_no_retries,
      api,
      gate,
      billing,
      nextSeqId: () => this.#nextSeqId++,
      retrieve: (accepted: UntypedFuture, signal: AbortSignal) =>
        this.#retrieve(accepted, laps, headers, signal),
      onRetry: (attempt: number, delayMs: number, error: Error) => {
        api.connection.logger.warn(`sample begins anew in ${Math.round(delayMs)} ms: ${error.message}`);
        this.#emitter.emit('sample.retried', { attempt, delayMs, reason: error.message });
      },
    };
    try {
      const body = toSampleBody(input, this.samplerId);
      const response = await sampleUntilDone(loop, body, estimatePromptBytes(input.prompt), {
        ...options,
        headers,
      });
      checkSampleResponse(input, response);
      this.#watch.noteProgress();
      laps.end();
      return response;
    } catch (error) {
      laps.end(error);
      if (!options.signal.aborted) this.#runtime.reportFailure(error, 'SamplingClient.sample');
      this.#emitter.emit('sample.failed', { error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  async #retrieve(
    { request_id, sample_sequence_ids }: UntypedFuture,
    laps: SpanLaps,
    headers: RequestOptions['headers'],
    signal: AbortSignal,
  ): Promise<SampleResponse> {
    const response = await pollFuture(this.#runtime, {
      request_id,
      request_type: 'Sample',
      decode: sampleResult,
      signal,
      headers,
      onPoll: (iteration) => laps.notePoll(iteration),
      onQueueChanged: (change) => this.#emitter.emit('queue.changed', change),
    });
    // The ids travel with the answer to the submission, not with the result (wire-protocol 2.18).
    response.sequences.forEach(
      (sequence, index) => (sequence.sequence_id = sample_sequence_ids?.[index] ?? null),
    );
    this.#emitter.emit('sample.completed', { request_id });
    return response;
  }
}
