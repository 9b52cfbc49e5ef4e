// Downloads what is not there yet and verifies what is, in a process of its own that may be killed at any moment:
// `node test/soak/downloader.ts URL OUTPUT_DIR COUNT`. Prints its memory while it runs and what failed at its end, each as a line of JSON.
import { createLogger } from '../../src/core/logger.ts';
import { ServiceClient } from '../../src/index.ts';
import { planCheckpoints } from './plan.ts';

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
const paths = planCheckpoints(Number(countText)).map(({ path }) => path);
const items = await service.downloads.downloadAll(paths, { outputDir, concurrency: paths.length });
clearInterval(telling);
tell({
  failures: items.flatMap((item) =>
    item.status === 'failed' ? [`${item.tinker_path}: ${item.error.message}`] : [],
  ),
});
