import type { CommandContext } from './context.ts';

const quietMs = 2_000;

/** Says at a terminal what is waited for, once it takes long; until this is disposed of. */
export function tellOfWait(
  { clock, note }: Pick<CommandContext, 'clock' | 'note'>,
  what: string,
  isTerminal: boolean = process.stderr.isTTY,
): Disposable {
  const timer = isTerminal ? clock.setTimeout(() => note(`Waiting for ${what}…`), quietMs) : undefined;
  return { [Symbol.dispose]: () => clock.clearTimeout(timer) };
}
