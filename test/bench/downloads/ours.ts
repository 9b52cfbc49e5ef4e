// Downloads with this SDK, in a process of its own: `node test/bench/downloads/ours.ts URL OUTPUT_DIR CONCURRENCY PATH…`.
// Shows its progress on stderr, and prints what the call cost as one line of JSON.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import type * as Sdk from '../../../src/index.ts';
import { requireLocalUrl } from '../measure.ts';

// What users have: sources would be stripped of their types at each start, in each thread.
const built = new URL('../../../dist/index.js', import.meta.url).href;
const { ServiceClient } = (await import(built)) as typeof Sdk;

const [url, outputDir = '', concurrency = '', ...paths] = process.argv.slice(2);

await using service = await ServiceClient.connect({
  baseUrl: requireLocalUrl(url),
  apiKey: 'tml-bench',
  downloadConcurrency: Number(concurrency),
});
service.downloads.on('progress.updated', ({ path, receivedBytes, totalBytes }) => {
  process.stderr.write(`\r${path} ${receivedBytes} of ${totalBytes ?? '?'} bytes`);
});
// What the start itself left to be collected is no memory of the idle client.
if (paths.length > 1) await setTimeout(1000);
const idleBytes = process.memoryUsage.rss();
const delay = monitorEventLoopDelay();
delay.enable();
const startedAt = performance.now();
await Promise.all(paths.map(async (path) => await service.downloads.download(path, { outputDir })));
const callSeconds = (performance.now() - startedAt) / 1000;
delay.disable();
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
process.stdout.write(
  `${JSON.stringify({
    callSeconds,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    memoryMegabytes: (maxRSS * 1024 - idleBytes) / 1e6,
    delayP999Ms: delay.percentile(99.9) / 1e6,
    delayMaximumMs: delay.max / 1e6,
  })}\n`,
);
