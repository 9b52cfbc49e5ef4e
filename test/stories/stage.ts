import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import {
  modelInput,
  ServiceClient,
  supervisedDatum,
  TinkerError,
  type RequestOptions,
  type RetryScheduled,
  type SampleInput,
  type SamplingClient,
  type TrainingClient,
} from '../../src/index.ts';
import type { Fault, FaultEffect, LocalServer, RecordedRequest } from '../../src/server/index.ts';
import { recordingLogger } from '../helpers/quiet-logger.ts';
import type { Sight } from './story.ts';
import { SteppedClock, type StoryTime } from './story-time.ts';

export const routes = {
  config: '/api/v1/client/config',
  createSession: '/api/v1/create_session',
  heartbeat: '/api/v1/session_heartbeat',
  createModel: '/api/v1/create_model',
  getInfo: '/api/v1/get_info',
  forwardBackward: '/api/v1/forward_backward',
  optimStep: '/api/v1/optim_step',
  saveWeights: '/api/v1/save_weights',
  createSampler: '/api/v1/create_sampling_session',
  sample: '/api/v1/asample',
  poll: '/api/v1/retrieve_future',
  sessions: '/api/v1/sessions',
  checkpoints: '/api/v1/training_runs/:run/checkpoints',
} as const;

export const forever = Number.POSITIVE_INFINITY;

/** One datum of six tokens, and the loss that every story uses. */
export const batch = {
  data: [supervisedDatum({ tokens: [5, 6, 7, 8, 9, 10] })],
  loss_fn: 'cross_entropy',
} as const;

const chance = 0.1;

/** Waits before retries, in milliseconds, from the first one on: 0.5 s doubling to 10 s, less what chance takes off here. */
export function retryWaits(count: number): number[] {
  return Array.from(
    { length: count },
    (_, index) => Math.min(500 * 2 ** index, 10_000) * (1 - 0.25 * chance),
  );
}

/** As often as five minutes allow. */
export const fiveMinutes = retryWaits(34);

/** A request that the server does not answer yet. */
export interface HeldRequest {
  /** Resolves when the server has it. */
  arrived(): Promise<void>;
  /** Lets the server answer; on the real clock it does so by itself. */
  release(): void;
}

export interface StageParts {
  /** The server as it is now: a restarted one takes its place. */
  server: () => LocalServer;
  url: string;
  time: StoryTime;
  /** Stops the server, and starts another on its port and folder when `whileAway` is over. */
  restart: (whileAway: () => Promise<void>) => Promise<void>;
}

/** What one story has at its disposal: a server that can be told to fail, and clients with their own time. */
export class Stage implements AsyncDisposable {
  readonly time: StoryTime;
  readonly restart: StageParts['restart'];
  readonly #parts: StageParts;
  readonly #services: ServiceClient[] = [];
  readonly #retries: RetryScheduled[] = [];
  readonly #lastOfOthers: RecordedRequest | undefined;
  readonly #logger = recordingLogger();

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.time = parts.time;
    this.restart = parts.restart;
    this.#lastOfOthers = parts.server().requests.at(-1);
  }

  get url(): string {
    return this.#parts.url;
  }

  /** A service that is closed with the stage. */
  async connect(options: RequestOptions = {}): Promise<ServiceClient> {
    const { time, url: baseUrl } = this;
    const connection = {
      baseUrl,
      apiKey: 'tml-story',
      logger: this.#logger,
      clock: time.clock,
      random: () => chance,
    };
    const service = await ServiceClient.connect(connection, options);
    this.#services.push(service);
    service.on('retry.scheduled', (retry) => void this.#retries.push(retry));
    return service;
  }

  async training(service?: ServiceClient): Promise<TrainingClient> {
    return (service ?? (await this.connect())).createLoraTrainingClient({
      base_model: 'local/random',
      rank: 4,
      seed: 1,
    });
  }

  async sampler(service?: ServiceClient): Promise<SamplingClient> {
    return (service ?? (await this.connect())).createSamplingClient({ base_model: 'local/random' });
  }

  /** From now on the server fails on this route: by default once, at the next request. */
  fault(route: string, effect: FaultEffect, more: Pick<Fault, 'nth' | 'count'> = {}): void {
    this.#parts.server().faults.add({ route, effect, ...more });
  }

  /** A status in place of the route's own answer. */
  reply(
    route: string,
    status: number,
    more: Pick<Fault, 'nth' | 'count'> & { headers?: Record<string, string>; body?: unknown } = {},
  ): void {
    const { headers, body = { detail: 'a story' }, ...when } = more;
    this.fault(route, { kind: 'reply', status, headers, body }, when);
  }

  /** The server takes its time with the next request on this route. */
  hold(route: string, holdMs = 300): HeldRequest {
    const { clock } = this.#parts.server();
    const before = this.requests(route).length;
    this.fault(route, { kind: 'delay', delayMs: holdMs });
    return {
      arrived: () =>
        this.until(() =>
          clock instanceof SteppedClock ? clock.hasBegun(holdMs) : this.requests(route).length > before,
        ),
      release: () => {
        if (clock instanceof SteppedClock) clock.advance(holdMs);
      },
    };
  }

  /** The server is well again. */
  heal(): void {
    this.#parts.server().faults.clear();
  }

  /** What the server got on a route since the story began. */
  requests(route: string): RecordedRequest[] {
    const { requests } = this.#parts.server();
    const begin = this.#lastOfOthers === undefined ? 0 : requests.lastIndexOf(this.#lastOfOthers) + 1;
    return requests.slice(begin).filter((request) => request.route === route);
  }

  /** The requests that end sessions. */
  finishes(): RecordedRequest[] {
    return this.requests('/api/v1/sessions/:session/finish');
  }

  /** The `seq_id`s of the requests on a route. */
  seqIds(route: string): number[] {
    return this.requests(route).map(({ body }) => {
      const id = typeof body === 'object' && body !== null && 'seq_id' in body ? body.seq_id : undefined;
      return typeof id === 'number' ? id : Number.NaN;
    });
  }

  /** Resolves when something is the case. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await setImmediate();
  }

  /** What comes of a call that waits for so long, one wait after the other, before it is settled. */
  async see(call: PromiseLike<unknown>, waits: readonly number[] = []): Promise<Sight> {
    const { clock } = this.time;
    const startedAt = clock.now();
    let endedAt: number | undefined;
    const seen = look(call).finally(() => (endedAt = clock.now()));
    for (const waitMs of waits) {
      if (await this.time.pass(waitMs, () => endedAt !== undefined)) continue;
      await seen;
      assert.fail(`it was to wait for ${waitMs} ms and did not`);
    }
    const sight = await seen;
    return { ...sight, tookMs: (endedAt ?? startedAt) - startedAt };
  }

  /** The same where chance decides how many waits of one length it takes. */
  async seeThrough(call: PromiseLike<unknown>, waitMs: number): Promise<Sight> {
    const progress = { isOver: false };
    const seen = this.see(call).finally(() => (progress.isOver = true));
    while (await this.time.pass(waitMs, () => progress.isOver));
    return seen;
  }

  /** The same for a call that is over after `limitMs` at the latest, by whatever waits. */
  async seeWithin(call: PromiseLike<unknown>, limitMs: number): Promise<Sight> {
    const seen = this.see(call);
    await this.time.passUntil(seen, limitMs);
    return seen;
  }

  /** Resolves when a wait of this length has begun. */
  async begun(waitMs: number): Promise<void> {
    await this.time.begun(waitMs);
  }

  /** Lets a wait pass that has begun, or soon begins. */
  async pass(waitMs: number): Promise<void> {
    await this.time.pass(waitMs);
  }

  /** Lets the wait pass before the next retry of a poll, told from waits of that length for other things. */
  async passBeforePoll(waitMs: number): Promise<void> {
    const isNext = ({ what, delayMs }: RetryScheduled): boolean =>
      what.startsWith('the result of ') && delayMs === waitMs;
    await this.until(() => this.#retries.some(isNext));
    this.#retries.length = 0;
    await this.pass(waitMs);
  }

  /** A later call has its result, at once. */
  async goesOn(training: TrainingClient): Promise<void> {
    const { words } = await look(training.forward(batch));
    assert.equal(words, '', 'a later call goes on');
  }

  async samplesOn(sampler: SamplingClient): Promise<void> {
    const { words } = await look(sampler.sample(oneSample));
    assert.equal(words, '', 'a later sample has its result');
  }

  /** Ends everything, whatever state it is in; a clock that stands still is moved until it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    const closing = Promise.all(this.#services.map((service) => service.close({ deadlineMs: 0 })));
    await this.time.passUntil(closing);
    await closing;
    const { clock } = this.time;
    // A failed call that nobody awaited is told of a second later.
    if (clock instanceof SteppedClock) clock.advance(1000);
  }

  /** Lengths of waits that the closed clients have left behind; only a clock that stands still can tell. */
  get leftWaits(): number[] {
    const { clock } = this.time;
    return clock instanceof SteppedClock ? clock.waits : [];
  }
}

/** A sample that costs next to nothing. */
export const oneSample: SampleInput = {
  prompt: modelInput([5, 6, 7]),
  sampling_params: { max_tokens: 2, stop: [] },
};

/** The reason with which stories abort. */
export const ownReason = new Error('the program wants it no longer');

async function look(call: PromiseLike<unknown>): Promise<Omit<Sight, 'tookMs'>> {
  try {
    await call;
    return { saw: 'result', words: '', again: 'nothing' };
  } catch (error) {
    if (TinkerError.isInstance(error))
      return { saw: error.code, words: `${error.name}: ${error.message}`, again: error.hint };
    if (error === ownReason)
      return { saw: 'reason', words: 'the reason of its signal', again: 'what it likes' };
    throw error;
  }
}
