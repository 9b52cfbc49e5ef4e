const mask64 = (1n << 64n) - 1n;

/**
 * A seeded stream of random numbers. Seeds of any size are taken, and streams of one seed with different indices are
 * independent: a sequence that is sampled draws from its own stream, whatever else is sampled beside it.
 */
export class RandomStream {
  // xoshiro128**: four 32-bit words of state.
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spareNormal: number | undefined;

  constructor(seed: bigint, index = 0) {
    let state = mixSeed(seed) ^ mix((BigInt(index) + 1n) * 0x9e3779b97f4a7c15n);
    const word = () => {
      state = (state + 0x9e3779b97f4a7c15n) & mask64;
      return mix(state);
    };
    const first = word();
    const second = word();
    this.#a = Number(first & 0xffffffffn);
    this.#b = Number(first >> 32n);
    this.#c = Number(second & 0xffffffffn);
    this.#d = Number(second >> 32n) | 1;
  }

  /** Uniform in [0, 1). */
  next(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result / 2 ** 32;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** Folds a seed of any size and sign into 64 bits, so that every bit of it counts. */
function mixSeed(seed: bigint): bigint {
  let rest = seed < 0n ? -seed : seed;
  let folded = mix(seed < 0n ? 1n : 0n);
  do {
    folded = mix(folded ^ (rest & mask64));
    rest >>= 64n;
  } while (rest > 0n);
  return folded;
}

function mix(value: bigint): bigint {
  let mixed = (value + 0x9e3779b97f4a7c15n) & mask64;
  mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & mask64;
  mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & mask64;
  return mixed ^ (mixed >> 31n);
}
