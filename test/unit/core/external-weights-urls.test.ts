import { expect, it } from 'vitest';
import { externalWeightsUrlsResponseSchema } from '../../../src/types/checkpoints.ts';

it('refuses a file whose name an object cannot hold, instead of losing it', () => {
  const read = (text: string) => externalWeightsUrlsResponseSchema.safeParse(JSON.parse(text));
  expect(read('{"urls":{"a.bin":"http://x/a"},"expires":"now"}').success).toBe(true);
  expect(read('{"urls":{"__proto__":"http://x/a"},"expires":"now"}').success).toBe(false);
  expect(read('{"urls":null,"expires":"now"}').success).toBe(false);
});
