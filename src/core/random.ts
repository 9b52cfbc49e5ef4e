/** Randomness as this package uses it: uniform in [0, 1). Injected, so that tests can fix it. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();
