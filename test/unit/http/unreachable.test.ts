import { describe, expect, it } from 'vitest';
import { toUnreachable } from '../../../src/http/unreachable.ts';

describe('a server that gave no answer', () => {
  it.each([
    ['connect ECONNREFUSED 127.0.0.1:9', 'ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:9'],
    ['other side closed', 'UND_ERR_SOCKET', 'other side closed (UND_ERR_SOCKET)'],
    ['', 'ECONNREFUSED', '(ECONNREFUSED)'],
    ['stopped', undefined, 'stopped'],
  ])('%j with code %s is told in one way', (message, code, why) => {
    const error = toUnreachable('http://127.0.0.1:9', { message, code }, undefined);
    expect(error.message).toBe(`Could not reach http://127.0.0.1:9: ${why}`);
  });
});
