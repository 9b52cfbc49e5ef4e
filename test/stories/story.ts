import type { ErrorCode } from '../../src/index.ts';
import type { Stage } from './stage.ts';

/** Something that goes wrong, and what becomes of the call that it strikes. Tests check it, the script tells it. */
export interface Story {
  /** What happened; one line of the table. */
  happened: string;
  /** What the caller saw: the result, the reason of its own signal, or an error of this code. */
  sees: 'result' | 'reason' | ErrorCode;
  /** What the error must say. */
  tells?: RegExp;
  /** Its waits are too long for the real clock. */
  isLong?: boolean;
  /** Also checks, by node:assert, what else must hold: above all that later calls go on. */
  run(stage: Stage): Promise<Sight>;
}

/** What came of one call. */
export interface Sight {
  saw: Story['sees'];
  /** Its name and message, where it is an error. */
  words: string;
  /** What the error itself advises. */
  again: string;
  tookMs: number;
}

export interface Act {
  title: string;
  stories: readonly Story[];
}
