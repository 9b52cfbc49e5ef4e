// Downloads checkpoints in a process of its own: `node test/helpers/downloader.ts ADDRESS OUTPUT_DIR COUNT RETRY_LIMIT`, from an
// archive server whose signed address of `/` is ADDRESS. Prints each setback and what became of each, as lines of JSON.
import { DownloadManager } from '../../src/client/downloads/download-manager.ts';
import { systemClock } from '../../src/core/clock.ts';
import { stderrLogger } from '../../src/core/logger.ts';

const [address = '', outputDir = '', count = '', retryLimit = ''] = process.argv.slice(2);

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await using manager = DownloadManager.create({
  openSource: (tinkerPath) => ({
    resolve() {
      const url = new URL(address);
      url.pathname = encodeURIComponent(tinkerPath);
      return Promise.resolve({ kind: 'ready', source: { kind: 'archive', url: url.href, expires: '' } });
    },
    release: () => Promise.resolve(),
  }),
  clock: systemClock,
  random: Math.random,
  logger: stderrLogger('silent'),
  concurrency: Number(count),
  retryLimit: Number(retryLimit),
});
manager.on('retry.scheduled', ({ reason }) => tell({ setback: reason }));
manager.on('download.failed', ({ error }) => tell({ setback: error }));
const paths = Array.from({ length: Number(count) }, (_, index) => `tinker://run/weights/${index}`);
for (const item of await manager.downloadAll(paths, { outputDir }))
  tell(
    item.status === 'failed'
      ? { status: item.status, error: item.error.message, code: 'code' in item.error && item.error.code }
      : { status: item.status },
  );
