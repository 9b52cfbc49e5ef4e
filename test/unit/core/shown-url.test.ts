import { describe, expect, it } from 'vitest';
import { toShownUrl } from '../../../src/core/shown-url.ts';

describe('an address that is shown', () => {
  it.each([
    ['https://example.com/tinker', 'https://example.com/tinker'],
    ['https://ann:hidden@example.com:8080/a@b', 'https://example.com:8080/a@b'],
    ['https://example.com/?token=hidden#x', 'https://example.com/'],
    ['ann:hidden@nowhere', 'nowhere'],
    ['nonsense', 'nonsense'],
    ['//ann:hid/den@store/one?x=hidden', 'store/one'],
    [String.raw`https:\\ann:hidden@example.com\a`, 'https://example.com/a'],
    ['file:///etc/passwd', 'file:///etc/passwd'],
  ])('%s is shown as %s', (text, shown) => {
    expect(toShownUrl(text)).toBe(shown);
  });
});
