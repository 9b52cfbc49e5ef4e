import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { CheckpointDownload } from '../../src/client/downloads/checkpoint-download.ts';
import { DownloadManager, type DownloadManagerOptions } from '../../src/client/downloads/download-manager.ts';
import type { OpenSource } from '../../src/client/downloads/sources/choose-source.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/logger.ts';
import type { SourceResolution } from '../../src/machines/download-ports.ts';
import { ArchiveServer } from './archive-server.ts';
import { checkpointTar } from './archives.ts';

export const tinkerPath = 'tinker://run:train:0/sampler_weights/final';
export const folderName =
  process.platform === 'win32' ? 'run_train_0_sampler_weights_final' : 'run:train:0_sampler_weights_final';

/** A manager on a clock that the test moves, an archive server, and a folder; all gone after the test. */
export async function setUpDownloads(
  options: Partial<DownloadManagerOptions> = {},
  certificate?: { cert: string; key: string },
) {
  const server = await ArchiveServer.start(certificate);
  const folder = await mkdtempDisposable(join(tmpdir(), 'downloads-'));
  const clock = new ManualClock();
  const logLines: string[] = [];
  /** Answers of the service, before those with a fresh signed URL. */
  const resolutions: SourceResolution[] = [];
  let id = 0;
  const openSource: OpenSource = (path) => ({
    resolve: () =>
      Promise.resolve(
        resolutions.shift() ?? {
          kind: 'ready',
          source: {
            kind: 'archive',
            url: server.signedUrl(`/${encodeURIComponent(path)}`),
            expires: new Date(clock.now() + 900_000).toISOString(),
          },
        },
      ),
    release: () => Promise.resolve(),
  });
  const manager = DownloadManager.create({
    openSource,
    clock,
    random: () => (id++ % 1000) / 1000,
    logger: createLogger('debug', (line) => logLines.push(line)),
    ...options,
  });
  onTestFinished(async () => {
    await manager.close();
    await server[Symbol.asyncDispose]();
    await folder.remove();
  });
  const put = (content: Buffer, etag?: string, path = tinkerPath): void => {
    server.put(`/${encodeURIComponent(path)}`, content, etag);
  };
  put(checkpointTar());
  return {
    server,
    manager,
    clock,
    logLines,
    resolutions,
    openSource,
    put,
    outputDir: folder.path,
    destination: join(folder.path, folderName),
  };
}

/** Moves the clock over every wait that the download announces. */
export function skipWaits(download: CheckpointDownload, clock: ManualClock): void {
  const skip = (waitMs: number): void => void setImmediate(() => clock.advance(waitMs));
  download.on('retry.scheduled', ({ delayMs }) => skip(delayMs));
  download.on('archive.pending', ({ waitMs }) => skip(waitMs));
}
