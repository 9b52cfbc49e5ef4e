import { describe, expect, it } from 'vitest';
import { toFutureOutcome } from '../../../src/core/future-outcome.ts';

const json = 'application/json';
const reply = (status: number, body?: unknown, contentType = json) =>
  toFutureOutcome({ status, contentType, json: body });

describe('toFutureOutcome (wire-protocol 5.2, 5.3)', () => {
  it.each([
    ['a protobuf result', reply(200, undefined, 'application/x-protobuf'), { kind: 'protobuf' }],
    ['a JSON result', reply(200, { path: 'x' }), { kind: 'json', value: { path: 'x' } }],
    [
      'a failure',
      reply(200, { error: 'bad', category: 'user' }),
      { kind: 'failed', message: 'bad', category: 'user' },
    ],
    [
      'a failure of unknown kind',
      reply(200, { error: 'bad', category: 'User' }),
      { kind: 'failed', message: 'bad', category: 'unknown' },
    ],
    [
      'a large result',
      reply(200, { status: 'complete_metadata', response_payload_size: 9 }),
      { kind: 'metadataOnly', sizeBytes: 9 },
    ],
    ['408 without a body', reply(408), { kind: 'tryAgain', position: undefined }],
    ['410', reply(410, { detail: 'restarted' }), { kind: 'expired', message: 'restarted' }],
    ['429', reply(429), { kind: 'rateLimited' }],
    ['402', reply(402), { kind: 'billing' }],
    ['a bare 400', reply(400), { kind: 'badRequest' }],
    [
      'a 400 with a detail',
      reply(400, { detail: 'no' }),
      { kind: 'failed', message: 'no', category: 'unknown' },
    ],
    ['503', reply(503), { kind: 'serverError' }],
    ['404', reply(404, { detail: 'unknown' }), { kind: 'fatal' }],
    ['an array', reply(200, []), { kind: 'fatal' }],
  ])('reads %s', (_, outcome, expected) => {
    expect(outcome).toEqual(expected);
  });

  it('reads where a request stands, by 408 and by try_again', () => {
    const position = { queue_state: 'paused_capacity', queue_state_reason: 'busy' };
    expect(reply(408, position)).toEqual({ kind: 'tryAgain', position });
    expect(reply(200, { type: 'try_again', request_id: 'r', queue_state: 'odd' })).toEqual({
      kind: 'tryAgain',
      position: { queue_state: 'unknown', queue_state_reason: null },
    });
  });
});
