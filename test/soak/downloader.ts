// Downloads what is not there yet, in a process of its own that may be killed at any moment: `node test/soak/downloader.ts URL
// OUTPUT_DIR COUNT`. Prints its memory while it runs and what failed at its end, each as a line of JSON.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '../../src/core/logger.ts';
import { ServiceClient } from '../../src/index.ts';
import { folderOf, planCheckpoints } from './plan.ts';

const [baseUrl = '', outputDir = '', countText] = process.argv.slice(2);

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await using service = await ServiceClient.connect({
  baseUrl,
  apiKey: 'tml-soak',
  telemetry: false,
  downloadConcurrency: 8,
  // The soak reads what is logged: no address with its signature may be in it.
  logger: createLogger('debug', (line) => process.stderr.write(`${line}\n`)),
});
const idleBytes = process.memoryUsage.rss();
const telling = setInterval(
  () => tell({ peakMegabytes: (process.resourceUsage().maxRSS * 1024 - idleBytes) / 1e6 }),
  100,
);
const missing = planCheckpoints(Number(countText)).filter(
  (checkpoint) => !existsSync(join(outputDir, folderOf(checkpoint))),
);
const outcomes = await Promise.allSettled(
  missing.map(async ({ path }) => await service.downloads.download(path, { outputDir })),
);
clearInterval(telling);
tell({
  failures: outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [`${missing[index]?.path}: ${String(outcome.reason)}`] : [],
  ),
});
