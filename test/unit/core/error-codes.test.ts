import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../src/core/error-codes.ts';

const page = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section.replaceAll(/\s+/g, ' ')]),
);

describe('docs/errors.md', () => {
  it('has a section for every code, in their order, and no other', () => {
    expect([...sections.keys()]).toEqual(Object.keys(errorCodes));
  });

  it.each(Object.entries(errorCodes))(
    'says of %s what the code says',
    (code, { category, retryable, hint }) => {
      const section = sections.get(code);
      expect(section).toContain(hint);
      expect(section).toContain(`Category \`${category}\`, ${retryable ? '' : 'not '}retryable.`);
    },
  );
});
