/**
 * How text is cut before byte pairs are merged: words with their leading space, single digits (so that sums are
 * learnt digit by digit), runs of other marks, white space. Merges never cross a cut.
 */
export const splitPattern = String.raw` ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

export interface TrainedVocabulary {
  /** Token text (in the printable byte alphabet) of each id. */
  tokens: string[];
  merges: [string, string][];
}

/** The printable stand-in of each byte that byte-level tokenizers use: visible bytes stand for themselves. */
export function byteAlphabet(): string[] {
  const visible = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(visible(byte) ? byte : next++));
}

/**
 * Byte-pair encoding: starts from the 256 bytes and merges the most frequent neighbouring pair until `size` tokens
 * exist. Ties go to the pair that sorts first, so that one text always gives one vocabulary.
 */
export function trainBytePairs(documents: Iterable<string>, size: number): TrainedVocabulary {
  const alphabet = byteAlphabet();
  const words = countWords(documents, alphabet);
  const tokens = [...alphabet];
  const merges: [string, string][] = [];
  while (tokens.length < size) {
    const best = mostFrequentPair(words);
    if (best === undefined) break;
    merges.push(best);
    tokens.push(best.join(''));
    for (const word of words) mergePair(word.symbols, best);
  }
  return { tokens, merges };
}

interface CountedWord {
  symbols: string[];
  count: number;
}

function countWords(documents: Iterable<string>, alphabet: string[]): CountedWord[] {
  const pattern = new RegExp(splitPattern, 'gu');
  const counts = new Map<string, number>();
  for (const document of documents) {
    for (const [word] of document.matchAll(pattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => ({
    symbols: Array.from(Buffer.from(word, 'utf8'), (byte) => alphabet[byte] ?? ''),
    count,
  }));
}

function mostFrequentPair(words: CountedWord[]): [string, string] | undefined {
  const counts = new Map<string, number>();
  for (const { symbols, count } of words) {
    for (let index = 0; index + 1 < symbols.length; index++) {
      const pair = `${symbols[index]} ${symbols[index + 1]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best: string | undefined;
  let bestCount = 1;
  for (const [pair, count] of counts) {
    if (count > bestCount || (count === bestCount && best !== undefined && pair < best))
      [best, bestCount] = [pair, count];
  }
  const [left, right] = best?.split(' ') ?? [];
  return left === undefined || right === undefined ? undefined : [left, right];
}

function mergePair(symbols: string[], [left, right]: [string, string]): void {
  for (let index = 0; index + 1 < symbols.length; index++) {
    if (symbols[index] === left && symbols[index + 1] === right) symbols.splice(index, 2, left + right);
  }
}
