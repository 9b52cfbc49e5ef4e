import { describe, expect, it } from 'vitest';
import { tellOfWait } from '../../../src/cli/waiting.ts';
import { ManualClock } from '../../../src/core/clock.ts';

describe('a wait', () => {
  it.each([
    ['long, at a terminal', 2_000, true, ['Waiting for the answer…']],
    ['short', 1_999, true, []],
    ['long, without a terminal', 60_000, false, []],
  ])('that is %s', (_, ms, isTerminal, expected) => {
    const clock = new ManualClock();
    const notes: string[] = [];
    const wait = tellOfWait({ clock, note: (line) => notes.push(line) }, 'the answer', isTerminal);
    clock.advance(ms);
    wait[Symbol.dispose]();
    clock.advance(60_000);
    expect(notes).toEqual(expected);
  });
});
