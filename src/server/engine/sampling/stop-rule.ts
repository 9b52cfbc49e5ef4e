import type { Tokenizer } from '@huggingface/tokenizers';

/** Decides after each token whether a sequence ends. What made it end stays part of the sequence. */
export class StopRule {
  readonly #tokens: ReadonlySet<number>;
  readonly #strings: readonly string[];
  readonly #tailLength: number;
  readonly #tokenizer: Tokenizer;

  constructor(tokenizer: Tokenizer, stopTokens: Iterable<number>, stopStrings: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#tokens = new Set(stopTokens);
    this.#strings = stopStrings;
    // A token is at least one byte, so a string that ends in the newest token lies within that many tokens.
    this.#tailLength = Math.max(0, ...stopStrings.map((text) => Buffer.byteLength(text)));
  }

  isStop(tokens: readonly number[]): boolean {
    const newest = tokens.at(-1);
    if (newest === undefined) return false;
    if (this.#tokens.has(newest)) return true;
    if (this.#strings.length === 0) return false;
    const tail = this.#tokenizer.decode(tokens.slice(-this.#tailLength), {
      skip_special_tokens: false,
      clean_up_tokenization_spaces: false,
    });
    return this.#strings.some((text) => tail.includes(text));
  }
}
