import { ManualClock } from '../../src/core/clock.ts';
import { compileConnection } from '../../src/core/config.ts';
import { readEnvironment } from '../../src/core/env.ts';
import { ApiClient } from '../../src/http/api-client.ts';
import type { HttpRequest } from '../../src/http/transport.ts';
import { recordingLogger } from './quiet-logger.ts';
import { promisesSettled } from './settled.ts';

/** What a request comes to: no answer, or a status with its headers and JSON. */
export type ScriptedAnswer = Error | { status: number; headers?: Record<string, string>; json?: object };

export interface ScriptedApi {
  api: ApiClient;
  clock: ManualClock;
  /** What was sent, and how long after the beginning. */
  sent: (HttpRequest & { at: number })[];
  /** What comes of work, with all its waits passing. */
  outcomeOf: (work: Promise<unknown>) => Promise<unknown>;
}

/** Requests that never leave: each is given the next answer of the script, and after its end `otherwise`. */
export function scriptedApi(
  script: ScriptedAnswer[],
  otherwise: (count: number) => ScriptedAnswer,
): ScriptedApi {
  const clock = new ManualClock();
  const begunAt = clock.now();
  const sent: ScriptedApi['sent'] = [];
  const send = async (request: HttpRequest) => {
    sent.push({ ...request, at: clock.now() - begunAt });
    const answer = script.shift() ?? otherwise(sent.length);
    if (answer instanceof Error) throw answer;
    const { status, headers = {}, json = { detail: 'scripted' } } = answer;
    return { status, headers, body: Buffer.from(JSON.stringify(json)) };
  };
  const options = { apiKey: 'tml-test', clock, random: () => 0.5, logger: recordingLogger() };
  const connection = compileConnection(options, readEnvironment({}));
  const auth = { token: () => 'tml-test', replace: () => undefined };
  return {
    api: new ApiClient(connection, { send, close: () => undefined }, auth),
    clock,
    sent,
    outcomeOf: async (work) => {
      const progress: { outcome?: { value: unknown } } = {};
      work.then(
        (value) => (progress.outcome = { value }),
        (error: unknown) => (progress.outcome = { value: error }),
      );
      for (let step = 0; progress.outcome === undefined && step < 10_000; step++) {
        await promisesSettled();
        if (progress.outcome === undefined) clock.advance(125);
      }
      return progress.outcome?.value;
    },
  };
}
