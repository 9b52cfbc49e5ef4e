import { attributed } from '../../../core/sdk-method.ts';
import { parseTinkerPath } from '../../../core/tinker-path.ts';
import type { ApiClient } from '../../../http/api-client.ts';
import { getArchiveUrl } from '../../../http/endpoints/checkpoints.ts';
import type { CheckpointSource } from '../../../machines/download-ports.ts';
import { toOutcome } from '../../ports.ts';

/** As requests tell the server which of our calls they belong to. */
export const downloadMethod = 'DownloadManager.download';

/** The archive that a server builds of a checkpoint (wire-protocol 2.20). */
export function createArchiveSource(api: ApiClient, tinkerPath: string): CheckpointSource {
  const path = parseTinkerPath(tinkerPath);
  return {
    async resolve(signal) {
      const outcome = await toOutcome(getArchiveUrl(api, path, attributed(downloadMethod, { signal })));
      if (outcome.kind === 'failed') return outcome;
      const answer = outcome.value;
      return answer.kind === 'ready'
        ? { kind: 'ready', source: { kind: 'archive', ...answer.archive } }
        : answer;
    },
    release: () => Promise.resolve(),
  };
}
