import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Act } from '../../stories/story.ts';
import { Theatre } from '../../stories/theatre.ts';

/** Each story as a test: what the caller sees, what its error says, and that closed clients leave no timer behind. */
export function checkActs(acts: readonly Act[]): void {
  let theatre: Theatre;
  beforeAll(async () => {
    theatre = await Theatre.open({ isReal: false });
  });
  afterAll(() => theatre[Symbol.asyncDispose]());

  describe.each(acts)('$title', ({ stories }) => {
    for (const story of stories) {
      it(`${story.happened}: the caller sees ${story.sees}`, async () => {
        const stage = theatre.stage();
        try {
          const { saw, words } = await story.run(stage);
          expect([saw, words]).toEqual([story.sees, expect.stringMatching(story.tells ?? /^/)]);
        } finally {
          await stage[Symbol.asyncDispose]();
        }
        expect(stage.leftWaits).toEqual([]);
      });
    }
  });
}
