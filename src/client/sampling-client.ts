import { Budget } from '../core/budget.ts';
import { checkOptionNames } from '../core/config.ts';
import type { Emitter } from '../core/emitter.ts';
import { ClientClosedError, InvalidArgumentError, InvalidResponseError } from '../core/errors.ts';
import { attributed } from '../core/sdk-method.ts';
import { SpanLaps } from '../core/tracing.ts';
import { messageOf } from '../core/thrown.ts';
import { joinSamplingSession } from '../http/endpoints/samplers.ts';
import { toSampleBody } from '../http/endpoints/sampling.ts';
import type { ClientLife } from '../types/client-life.ts';
import type { SamplerFacts } from '../machines/ports.ts';
import type { SamplingEvents } from '../types/events.ts';
import { seqIdBlock, type UntypedFuture } from '../types/futures.ts';
import type { ModelInput } from '../types/model-input.ts';
import { requestOptionNames, type RequestOptions } from '../types/options.ts';
import type { SampleInput, SampleResponse } from '../types/sampling.ts';
import { EventedClient } from './evented-client.ts';
import { pollFuture } from './poll-future.ts';
import { sampleResult } from './results.ts';
import type { ServiceRuntime } from './runtime.ts';
import { CancelQueue } from './sampling/cancel-queue.ts';
import { checkSample, checkSampleResponse } from './sampling/check-sample.ts';
import { CompletionPoller } from './sampling/completion-poller.ts';
import type { InFlight } from './sampling/in-flight.ts';
import { ProgressWatch } from './sampling/progress-watch.ts';
import { estimatePromptBytes } from './sampling/prompt-bytes.ts';
import { sampleUntilDone } from './sampling/sample-loop.ts';
import { encodeHandle } from './sampling/sampler-handle.ts';
import { SeqIds } from './sampling/seq-ids.ts';
import { toTokenizerId, type Tokenizer } from './tokenizers.ts';

/** @internal */
export interface SamplingClientParts {
  sampler: SamplerFacts;
  session_id: string;
  /** Whether the sampler was made by another client, which numbers its own samples. */
  isCopy: boolean;
  /** Whether the server keeps what stable_reinforce needs of each sequence. */
  record_stability_info: boolean;
  runtime: ServiceRuntime;
  life: ClientLife;
  emitter: Emitter<SamplingEvents>;
  inFlight: InFlight;
  /** Aborts when this client has ended, however that came. */
  ending: AbortSignal;
}

/** Results that are known to be there come at once: few requests fetch as many as thousands would. */
const fetchesAtOnce = 200;

/** Weights to sample from: a base model's, or saved ones. Samples run side by side, in no order. */
export class SamplingClient extends EventedClient<SamplingEvents> {
  readonly #sampler: SamplerFacts;
  readonly #sessionId: string;
  readonly #recordsStability: boolean;
  readonly #runtime: ServiceRuntime;
  readonly #emitter: Emitter<SamplingEvents>;
  readonly #inFlight: InFlight;
  readonly #permits: Budget;
  readonly #fetches = new Budget(fetchesAtOnce - 1);
  readonly #watch: ProgressWatch;
  readonly #seqIds: SeqIds;
  readonly #cancels: CancelQueue;
  readonly #ending: AbortSignal;
  #poller: CompletionPoller | undefined;
  /** Samples that have been accepted and are not answered. */
  #acceptedCount = 0;

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
    this.#ending = parts.ending;
    this.#sessionId = parts.session_id;
    this.#recordsStability = parts.record_stability_info;
    const { api, config } = parts.runtime;
    this.#seqIds = new SeqIds(parts.isCopy ? () => this.#join() : undefined);
    this.#cancels = new CancelQueue(api, () => parts.runtime.dynamicConfig);
    this.#inFlight.farewell = (signal) => Promise.all([this.#cancels.idle(), this.#poller?.report(signal)]);
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
      return await this.#inFlight.run(options, (signal) => {
        const run = (): Promise<SampleResponse> =>
          this.#sample(request, { ...options, timeoutMs: undefined, signal });
        // A sample whose end is told by the poller has no request open while it waits: nothing to limit.
        return this.#usesPoller ? run() : this.#permits.run(1, signal, run);
      });
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

  /**
   * A text by which `createSamplingClient` makes another client of this sampler, in any process and as often as you like.
   * It lives as long as the session, and holds no credential.
   */
  toHandle(): string {
    const { api, config, dynamicConfig } = this.#runtime;
    return encodeHandle({
      session_id: this.#sessionId,
      sampling_session_id: this.samplerId,
      holder: {
        base_url: api.connection.baseUrl,
        default_headers_overrides: {},
        client_config: config,
        client_dynamic_config: dynamicConfig,
        api_key: null,
      },
      base_model: this.baseModel,
      record_stability_info: this.#recordsStability,
    });
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
      nextSeqId: () => this.#seqIds.next(),
      retrieve: (accepted: UntypedFuture, signal: AbortSignal) =>
        this.#retrieve(accepted, laps, headers, signal),
      onRetry: (attempt: number, delayMs: number, error: Error) => {
        api.connection.logger.warn(`sample begins anew in ${Math.round(delayMs)} ms: ${error.message}`);
        this.#emitter.emit('sample.retried', { attempt, delayMs, reason: error.message });
      },
    };
    try {
      const joining = this.#seqIds.ready(options.signal);
      if (joining !== undefined) await joining;
      const body = toSampleBody(input, this.samplerId, this.#recordsStability);
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
      this.#emitter.emit('sample.failed', { error: messageOf(error) });
      throw error;
    }
  }

  async #retrieve(
    { request_id, sample_sequence_ids }: UntypedFuture,
    laps: SpanLaps,
    headers: RequestOptions['headers'],
    signal: AbortSignal,
  ): Promise<SampleResponse> {
    const ask = (knownBytes?: number): Promise<SampleResponse> =>
      pollFuture(this.#runtime, {
        request_id,
        request_type: 'Sample',
        decode: sampleResult,
        signal,
        knownBytes,
        headers,
        onPoll: (iteration) => laps.notePoll(iteration),
        onQueueChanged: (change) => this.#emitter.emit('queue.changed', change),
      });
    this.#acceptedCount += 1;
    let response: SampleResponse;
    try {
      response = await (this.#usesPoller ? this.#askWhenFinished(request_id, signal, ask) : ask());
    } catch (error) {
      if (signal.aborted) this.#cancels.add(request_id);
      throw error;
    } finally {
      this.#acceptedCount -= 1;
    }
    // The ids travel with the answer to the submission, not with the result (wire-protocol 2.18).
    response.sequences.forEach(
      (sequence, index) => (sequence.sequence_id = sample_sequence_ids?.[index] ?? null),
    );
    this.#emitter.emit('sample.completed', { request_id });
    return response;
  }

  get #usesPoller(): boolean {
    return this.#runtime.config.sample_use_retrieve_futures;
  }

  /** Waits for the poller's word, without a request of its own; then fetches, or asks as if there were no poller. */
  async #askWhenFinished(
    requestId: string,
    signal: AbortSignal,
    ask: (knownBytes?: number) => Promise<SampleResponse>,
  ): Promise<SampleResponse> {
    const { api, billing } = this.#runtime;
    this.#poller ??= new CompletionPoller({
      api,
      billing,
      sampling_session_id: this.samplerId,
      copy: this.#seqIds.copy,
      isSubmitting: () => this.#inFlight.count > this.#acceptedCount,
      signal: this.#ending,
    });
    const poller = this.#poller;
    const completion = await poller.waitFor(requestId, signal);
    const size = completion?.state === 'finished' ? completion.response_payload_uncompressed_size : undefined;
    try {
      const limit = completion === undefined ? this.#permits : this.#fetches;
      return await limit.run(1, signal, () => ask(size ?? undefined));
    } finally {
      poller.noteFetched(requestId);
    }
  }

  /** The number of this copy of the client: the server's where it gives any, else one that hardly another copy has. */
  async #join(): Promise<number> {
    const { api, config } = this.#runtime;
    if (config.sample_join_sampling_session)
      return joinSamplingSession(
        api,
        this.samplerId,
        attributed('SamplingClient.sample', { signal: this.#ending }),
      );
    return 1 + Math.floor(api.connection.random() * seqIdBlock);
  }
}
