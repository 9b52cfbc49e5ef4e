import type { PaddedRow } from '../graph/transformer.ts';

/** The lengths that rows are padded to: each is one shape for the forward and one for the backward pass. */
export const rowLengths = [64, 256, 1024] as const;

export interface PackedText {
  /** Index of the text among those packed. */
  index: number;
  /** First position within the padded row. */
  begin: number;
}

export interface Pack {
  row: PaddedRow;
  texts: PackedText[];
}

/** The shortest row length that holds `length` tokens. */
export function paddedLength(length: number): number {
  const fitting = rowLengths.find((candidate) => candidate >= length);
  if (fitting === undefined) throw new RangeError(`No row is as long as ${length}`);
  return fitting;
}

/**
 * Lays texts into as few padded rows as it can, longest first, each into the first row with room. The cost of a row
 * grows faster than its length, so short texts share rows of the middle length, and the longest length is used only
 * by texts that need it and those that fit beside them. Texts of one row do not see each other: each has its own
 * segment and starts at position 0.
 */
export function packTexts(texts: readonly Int32Array[]): Pack[] {
  const [, middle] = rowLengths;
  const bins: { capacity: number; used: number; texts: PackedText[] }[] = [];
  const longestFirst = texts
    .map(({ length }, index) => ({ length, index }))
    .sort((a, b) => b.length - a.length);
  for (const { length, index } of longestFirst) {
    let bin = bins.find(({ capacity, used }) => used + length <= capacity);
    if (bin === undefined) {
      bin = { capacity: Math.max(middle, paddedLength(length)), used: 0, texts: [] };
      bins.push(bin);
    }
    bin.texts.push({ index, begin: bin.used });
    bin.used += length;
  }
  return bins.map(({ used, texts: packed }) => ({
    row: layOut(texts, packed, paddedLength(used)),
    texts: packed,
  }));
}

/** One text alone, from position 0. */
export function padText(tokens: Int32Array): PaddedRow {
  return layOut([tokens], [{ index: 0, begin: 0 }], paddedLength(tokens.length));
}

function layOut(texts: readonly Int32Array[], packed: readonly PackedText[], length: number): PaddedRow {
  const row = {
    tokens: new Int32Array(length),
    positions: new Int32Array(length),
    segments: new Int32Array(length).fill(-1),
  };
  for (const [segment, { index, begin }] of packed.entries()) {
    const tokens = texts[index] ?? new Int32Array(0);
    row.tokens.set(tokens, begin);
    row.segments.fill(segment, begin, begin + tokens.length);
    for (let position = 0; position < tokens.length; position++) row.positions[begin + position] = position;
  }
  return row;
}
