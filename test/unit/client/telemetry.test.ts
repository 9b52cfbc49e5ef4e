import { describe, expect, it } from 'vitest';
import { toApiError } from '../../../src/core/api-errors.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import {
  CancelledError,
  ClientClosedError,
  ConnectionError,
  InternalError,
  InvalidArgumentError,
  InvalidResponseError,
  RequestFailedError,
  TinkerError,
} from '../../../src/core/errors.ts';
import { Telemetry } from '../../../src/client/telemetry/telemetry.ts';
import { toFailureFacts } from '../../../src/client/telemetry/failure-facts.ts';
import type { TelemetryRequest } from '../../../src/types/telemetry.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import { promisesSettled } from '../../helpers/settled.ts';

function setUp(
  answer: (request: TelemetryRequest, signal: AbortSignal) => Promise<void> = async () => undefined,
) {
  const clock = new ManualClock();
  const logger = recordingLogger();
  const sent: TelemetryRequest[] = [];
  const telemetry = new Telemetry({
    send: (request, signal) => {
      sent.push(request);
      return answer(request, signal);
    },
    clock,
    backgroundClock: clock,
    logger,
  });
  const pass = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds);
    await promisesSettled();
  };
  return { telemetry, clock, sent, pass, logs: logger.lines };
}

const failure = () => new ConnectionError('down');

describe('telemetry (CFG-16)', () => {
  it('sends what happened within ten seconds, in the form of the official client', async () => {
    const { telemetry, clock, sent, pass } = setUp();
    telemetry.report(failure(), 'GET /api/v1/sessions');
    telemetry.startSession('session-1');
    await pass(9999);
    expect(sent).toEqual([]);
    await pass(1);
    expect(sent).toEqual([
      {
        events: [
          {
            event: 'GENERIC_EVENT',
            event_name: 'call_failed',
            event_data: {
              what: 'GET /api/v1/sessions',
              error_type: 'ConnectionError',
              code: 'connection',
              message: 'down',
            },
            event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
            event_session_index: 0,
            severity: 'ERROR',
            timestamp: '2026-01-01T00:00:00.000000Z',
          },
          expect.objectContaining({ event: 'SESSION_START', event_session_index: 1, severity: 'INFO' }),
        ],
        platform: expect.stringMatching(/^[A-Z]/),
        sdk_version: '0.38.0',
        session_id: 'session-1',
        process_uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    ]);
    await pass(60_000);
    expect([sent.length, clock.pendingCount]).toEqual([1, 0]);
  });

  it('names a program without session by an id of its own', async () => {
    const { telemetry, sent } = setUp();
    telemetry.report(failure(), 'x');
    await telemetry.close();
    expect(sent[0]?.session_id).toMatch(/^sessionless-[0-9a-f-]{36}$/);
  });

  it('sends at most a hundred events at once, and the rest when it is closed', async () => {
    const { telemetry, sent } = setUp();
    for (let index = 0; index < 250; index++) telemetry.report(failure(), String(index));
    await telemetry.close();
    expect(sent.map(({ events }) => events.length)).toEqual([100, 100, 50]);
    telemetry.report(failure(), 'too late');
    await telemetry.close();
    expect(sent.length).toBe(3);
  });

  it('tells an error once, however many places it passes', async () => {
    const { telemetry, sent } = setUp();
    const error = failure();
    telemetry.report(error, 'POST /api/v1/asample');
    telemetry.report(error, 'sample');
    telemetry.report(new TinkerError('connection', 'chunk 1 failed', { cause: error }), 'forwardBackward');
    await telemetry.close();
    expect(sent[0]?.events.length).toBe(1);
  });

  it('keeps ten thousand events at most, and says once that others are dropped', async () => {
    const { telemetry, sent, logs } = setUp();
    for (let index = 0; index < 10_010; index++) telemetry.report(failure(), 'x');
    await telemetry.close();
    expect(sent.reduce((sum, { events }) => sum + events.length, 0)).toBe(10_000);
    expect(logs).toEqual([{ level: 'warn', message: expect.stringContaining('queue is full') }]);
  });

  it('drops a batch that cannot be sent, without a word that anybody has to read', async () => {
    const answers = [Promise.reject(new Error('no')), Promise.resolve()];
    const { telemetry, sent, pass, logs } = setUp(() => answers.shift() ?? Promise.resolve());
    telemetry.report(failure(), 'first');
    await pass(10_000);
    telemetry.report(failure(), 'second');
    await pass(10_000);
    expect(sent.map(({ events }) => events.map((event) => event.event_session_index))).toEqual([[0], [1]]);
    expect(logs).toEqual([{ level: 'debug', message: 'telemetry: 1 events were dropped: no' }]);
  });

  it('delays closing by two seconds at most, and then gives up what is under way', async () => {
    let aborted = false;
    const { telemetry, clock } = setUp((_, signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      return new Promise(() => undefined);
    });
    telemetry.report(failure(), 'x');
    let closed = false;
    const closing = telemetry.close().then(() => (closed = true));
    clock.advance(1999);
    await promisesSettled();
    expect(closed).toBe(false);
    clock.advance(1);
    await closing;
    expect([aborted, clock.pendingCount]).toEqual([true, 0]);
  });
});

describe('what telemetry tells of a failure', () => {
  const secret = 'tml-key or prompt';

  it.each([
    [
      'a refused request',
      toApiError('POST /x', { status: 422, body: { detail: secret } }),
      'user_error',
      'WARNING',
      { status_code: 422 },
    ],
    [
      'a failed operation of the user',
      new RequestFailedError(secret, 'user', { requestId: 'r' }),
      'user_error',
      'WARNING',
      { request_id: 'r' },
    ],
    [
      'an error that a refusal caused',
      new TinkerError('internal', secret, { cause: toApiError('x', { status: 400 }) }),
      'user_error',
      'WARNING',
      {},
    ],
    [
      'a failed operation of the server',
      new RequestFailedError(secret, 'server'),
      'call_failed',
      'ERROR',
      {},
    ],
    [
      'a server error',
      toApiError('POST /x', { status: 500, body: secret }),
      'call_failed',
      'ERROR',
      { status_code: 500 },
    ],
    [
      'a timeout that the server tells',
      toApiError('POST /x', { status: 408 }),
      'call_failed',
      'ERROR',
      { status_code: 408 },
    ],
    ['an odd answer', new InvalidResponseError(secret), 'call_failed', 'ERROR', {}],
  ])('of %s: kinds and codes, no words of others', (_, error, event_name, severity, data) => {
    const told = toFailureFacts(error, 'call');
    expect(told).toEqual({
      severity,
      facts: {
        event: 'GENERIC_EVENT',
        event_name,
        event_data: { what: 'call', error_type: error.name, code: error.code, ...data },
      },
    });
    expect(JSON.stringify(told)).not.toContain(secret);
  });

  it('tells a bug of ours as an exception', () => {
    expect(toFailureFacts(new InternalError('actor x crashed'), 'call')).toEqual({
      severity: 'ERROR',
      facts: { event: 'UNHANDLED_EXCEPTION', error_type: 'InternalError', error_message: 'actor x crashed' },
    });
  });

  it.each([
    new CancelledError('x'),
    new ClientClosedError('x'),
    new InvalidArgumentError('x'),
    new TinkerError('missing_api_key', 'x'),
    new Error('from the caller'),
    'a reason',
    undefined,
  ])('tells nothing of %s', (error) => {
    expect(toFailureFacts(error, 'call')).toBeUndefined();
  });
});
