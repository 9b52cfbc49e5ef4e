import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { confirm } from '../../../src/cli/confirm.ts';

/** Asks, with what a person types; undefined is the end of input. */
async function ask(typed: string | undefined, signal = new AbortController().signal) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const notes: string[] = [];
  if (typed === undefined) input.end();
  else input.write(typed);
  const context = { signal, interrupt: () => undefined, note: (line: string) => notes.push(line) };
  const answer = confirm(context, 'Really?', 'tinker-ts delete --yes x', { input, output });
  const answered = await answer;
  return { answer: answered, shown: await text(output.end()), notes };
}

describe('a question', () => {
  it.each([
    ['y\n', true],
    ['YES\n', true],
    ['n\n', false],
    ['\n', false],
    ['yesterday\n', false],
  ])('answered by %j', async (typed, answer) => {
    expect(await ask(typed)).toEqual({ answer, shown: 'Really? [y/N]: ', notes: [] });
  });

  it('that nobody answers means no, and tells what to type instead', async () => {
    expect(await ask(undefined)).toEqual({
      answer: false,
      shown: 'Really? [y/N]: \n',
      notes: ['Nobody answered, which means no. To be asked nothing, add --yes: tinker-ts delete --yes x'],
    });
  });

  it('is over when the program is told to stop', async () => {
    const controller = new AbortController();
    const asked = ask('', controller.signal);
    controller.abort(new Error('stopped'));
    await expect(asked).rejects.toThrow();
  });
});
