import { describe, expect, it } from 'vitest';
import { checkCheckpointName, toExpiry } from '../../../src/server/names.ts';
import { withoutBasePath } from '../../../src/server/prefix.ts';

describe('checkCheckpointName', () => {
  it.each(['final', '0001', 'step-10_b', 'v1.2', '_x', 'a'.repeat(200)])('accepts %s', (name) => {
    expect(checkCheckpointName(name)).toBe(name);
  });

  it.each([
    '',
    '.',
    '..',
    '.hidden',
    'a/b',
    '../a',
    'a\\b',
    'a:b',
    'a b',
    'ä',
    '-x',
    'x.',
    'a\0',
    'a'.repeat(201),
  ])('refuses %j', (name) => {
    expect(() => checkCheckpointName(name)).toThrow('Invalid checkpoint name');
  });
});

describe('toExpiry', () => {
  it('counts from now, and never expires without a ttl', () => {
    expect(toExpiry(3600, 1000, 422)).toBe(3_601_000);
    expect(toExpiry(null, 1000, 422)).toBeNull();
    expect(toExpiry(undefined, 1000, 422)).toBeNull();
  });

  it.each([3599, 0, -1, 10 * 365 * 24 * 3600 + 1])('refuses %d seconds with the given status', (ttl) => {
    expect(() => toExpiry(ttl, 0, 400)).toThrow(expect.objectContaining({ statusCode: 400 }));
  });
});

describe('withoutBasePath', () => {
  it.each([
    ['/api/v1/healthz', '/api/v1/healthz'],
    ['/a/b/api/v1/healthz', '/api/v1/healthz'],
    ['/a/api/v1/x?y=/api/v1/z', '/api/v1/x?y=/api/v1/z'],
    ['/local/random/resolve/main/config.json', '/local/random/resolve/main/config.json'],
    ['/other?next=/api/v1/x', '/other?next=/api/v1/x'],
  ])('reads %s as %s', (url, expected) => {
    expect(withoutBasePath(url)).toBe(expected);
  });
});
