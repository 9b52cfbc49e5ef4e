import { delay } from '../../core/clock.ts';
import { withDeadline } from '../../core/deadline.ts';
import { DownloadError } from '../../core/errors.ts';
import { parseSavedPath } from '../../core/tinker-path.ts';
import type { ApiClient } from '../../http/api-client.ts';
import { getArchiveUrl } from '../../http/endpoints/checkpoints.ts';
import type { ArchiveUrlResponse } from '../../types/checkpoints.ts';
import type { RequestOptions } from '../../types/options.ts';

const archiveWaitMs = 30_000;
/** As long as the official client waits for an archive to be built. */
const archiveTotalMs = 180_000;

/** Asks until the archive is built, for three minutes unless the caller's deadline is another. */
export async function waitForArchiveUrl(
  api: ApiClient,
  tinkerPath: string,
  options: RequestOptions,
): Promise<ArchiveUrlResponse> {
  const path = parseSavedPath(tinkerPath);
  const { clock, logger } = api.connection;
  const startedAt = clock.now();
  return withDeadline(`the archive of ${tinkerPath}`, options, clock, async (signal) => {
    for (;;) {
      const answer = await getArchiveUrl(api, path, { ...options, timeoutMs: undefined, signal });
      if (answer.kind === 'ready') return answer.archive;
      const waitMs = answer.retryAfterMs ?? archiveWaitMs;
      if (options.timeoutMs === undefined && clock.now() + waitMs - startedAt > archiveTotalMs) {
        throw new DownloadError('archive_pending', `the archive of ${tinkerPath} is still being built`);
      }
      logger.info(
        `the archive of ${tinkerPath} is being built; asking again in ${Math.round(waitMs / 1000)} s`,
      );
      await delay(waitMs, clock, signal);
    }
  });
}
