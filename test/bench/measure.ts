/** What one run of a workload cost its process. `unitCount` says how many samples or steps were measured, or how often. */
export interface Measurement {
  unitCount: number;
  wallSeconds: number;
  /** User and system time of the whole process, its threads included. */
  cpuSeconds: number;
  p50Ms: number;
  p99Ms: number;
  /** How many bytes one unit produced or read; of the workloads that count bytes. */
  bytesPerUnit?: number | undefined;
  /** Version of what was measured. */
  version: string;
}

type Cost = Omit<Measurement, 'version' | 'bytesPerUnit'>;

/** Runs `work` and says what it cost; it returns the latency of each unit in milliseconds. */
export async function measure(work: () => Promise<number[]> | number[]): Promise<Cost> {
  const startedAt = performance.now();
  const usage = process.resourceUsage();
  const latencies = await work();
  const after = process.resourceUsage();
  const wallSeconds = (performance.now() - startedAt) / 1000;
  const cpuMicroseconds = after.userCPUTime + after.systemCPUTime - usage.userCPUTime - usage.systemCPUTime;
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    unitCount: latencies.length,
    wallSeconds,
    cpuSeconds: cpuMicroseconds / 1e6,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
  };
}

/** The value below which `fraction` of the sorted values lie. */
export function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(Math.floor(sorted.length * fraction), sorted.length - 1)] ?? Number.NaN;
}

/** Runs `work` `count` times, `concurrency` at once; the latencies in milliseconds. */
export async function runConcurrently(
  count: number,
  concurrency: number,
  work: () => Promise<unknown>,
): Promise<number[]> {
  const latencies: number[] = [];
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      started++;
      const startedAt = performance.now();
      await work();
      latencies.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return latencies;
}

/** Runs `work` `count` times, one after the other; the latencies in milliseconds. */
export function runRepeatedly(count: number, work: () => unknown): number[] {
  return Array.from({ length: count }, () => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  });
}

/** Hands a measurement to the parent process. */
export function report(measurement: Measurement): void {
  process.stdout.write(`${JSON.stringify(measurement)}\n`);
}

/** The address a workload was given. Without one the SDK would turn to the hosted service, where no bench belongs. */
export function requireLocalUrl(url: string | undefined): string {
  if (url?.startsWith('http://127.0.0.1:')) return url;
  throw new Error(`the bench's server is to be given by its URL, and is ${JSON.stringify(url)}`);
}
