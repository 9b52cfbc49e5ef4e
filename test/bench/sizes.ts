/** How much the workloads carry. `rivals/official.py` has the same numbers. */

/** One sample: a prompt, and the sequence that comes back with its log-probabilities. */
export const promptTokens = 128;
export const sampledTokens = 64;

/** The batch of the encoding and decoding workloads. */
export const datumCount = 1024;
export const tokensPerDatum = 2048;

/** The one datum of a training step. */
export const smallDatumTokens = 64;
