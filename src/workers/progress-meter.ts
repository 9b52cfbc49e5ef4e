import type { DownloadProgress } from '../types/downloads.ts';

/** Eight reports a second, so that a last one on top stays within the ten that are promised. */
const intervalMs = 125;
/** Weight of the newest rate in the smoothed one. */
const smoothing = 0.3;

export interface ProgressMeterOptions {
  phase: DownloadProgress['phase'];
  /** Bytes of earlier attempts; they count as received but not for the rate. */
  startBytes: number;
  totalBytes?: number | undefined;
  /** A clock that only goes forward, in milliseconds. */
  now: () => number;
  report: (progress: DownloadProgress) => void;
}

/** Turns byte counts into a few reports per second; the latest count wins. */
export class ProgressMeter {
  readonly #options: ProgressMeterOptions;
  #reportedAt: number;
  #reportedBytes: number;
  #latestBytes: number;
  #ratePerSecond: number | undefined;

  constructor(options: ProgressMeterOptions) {
    this.#options = options;
    this.#reportedAt = options.now();
    this.#reportedBytes = options.startBytes;
    this.#latestBytes = options.startBytes;
  }

  update(receivedBytes: number): void {
    this.#latestBytes = receivedBytes;
    if (this.#options.now() - this.#reportedAt >= intervalMs) this.#report();
  }

  /** Reports the last count, if it was not yet. */
  finish(): void {
    if (this.#latestBytes !== this.#reportedBytes) this.#report();
  }

  #report(): void {
    const { phase, totalBytes, now, report } = this.#options;
    const at = now();
    const elapsedMs = at - this.#reportedAt;
    if (elapsedMs > 0) {
      const rate = ((this.#latestBytes - this.#reportedBytes) * 1000) / elapsedMs;
      this.#ratePerSecond =
        this.#ratePerSecond === undefined ? rate : smoothing * rate + (1 - smoothing) * this.#ratePerSecond;
    }
    this.#reportedAt = at;
    this.#reportedBytes = this.#latestBytes;
    report({
      phase,
      receivedBytes: this.#latestBytes,
      ...(totalBytes === undefined ? {} : { totalBytes }),
      ...(this.#ratePerSecond === undefined ? {} : { ratePerSecond: Math.round(this.#ratePerSecond) }),
    });
  }
}
