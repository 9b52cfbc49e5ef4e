/** Of CRC-32C (Castagnoli), bits reversed, as the algorithm works on them. */
const polynomial = 0x82f63b78;

/** The checksum of two runs of bytes, one behind the other, from theirs and the length of the second. */
export function combineCrc32c(first: number, second: number, secondBytes: number): number {
  // Nothing has none, and many files are one run.
  if (first === 0) return second;
  return (multiply(zerosFactor(secondBytes), first) ^ second) >>> 0;
}

/** What a checksum is multiplied by when `count` zero bytes are put behind: x to the power of 8 times `count`. */
function zerosFactor(count: number): number {
  let factor = 0x80000000;
  let square = 0x00800000;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) factor = multiply(square, factor);
    square = multiply(square, square);
  }
  return factor;
}

/** The product of two polynomials modulo that of the checksum. */
function multiply(left: number, right: number): number {
  let product = 0;
  let shifted = right;
  for (let bit = 31; bit >= 0; bit--) {
    if ((left >>> bit) & 1) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return product >>> 0;
}
