import { DownloadManager } from '../../client/downloads/download-manager.ts';
import { InternalError } from '../../core/errors.ts';
import { systemRandom } from '../../core/random.ts';
import { serializeError } from '../../core/serialize-error.ts';
import type { FolderReport } from '../../types/downloads.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { commandLogger } from '../logger.ts';
import { describeError } from '../render-error.ts';
import { listTable, type Column, type CommandResult } from '../result.ts';

interface Verdict {
  folder: string;
  report?: FolderReport;
  error?: unknown;
}

/** Reads each folder back; a manifest is enough, the server is not asked. */
export async function verifyFolders(
  context: CommandContext,
  folders: readonly string[],
): Promise<CommandResult> {
  const { signal } = context;
  const verdicts: Verdict[] = [];
  await using downloads = createVerifier(context);
  for (const folder of withoutManifests(folders)) {
    try {
      verdicts.push({ folder, report: await downloads.verify(folder, { signal }) });
    } catch (error) {
      signal.throwIfAborted();
      verdicts.push({ folder, error });
    }
  }
  const isIntact = verdicts.every(({ report }) => report?.intact === true);
  const title = isIntact ? 'All intact' : 'Not all intact';
  return {
    json: verdicts.map(({ folder, report, error }) =>
      report === undefined ? { folder, error: serializeError(error) } : { folder, ...report },
    ),
    view: { table: listTable(title, columns, verdicts) },
    exitCode: isIntact ? exitCodes.ok : exitCodes.failure,
  };
}

/** A shell's `DIR/*` names the manifests too, which stand for the folders beside them. */
function withoutManifests(folders: readonly string[]): Set<string> {
  return new Set(folders.map((folder) => folder.replace(/\.manifest\.json$/, '')));
}

function createVerifier(context: CommandContext): DownloadManager {
  const openSource = (): never => {
    throw new InternalError('nothing is downloaded to verify what is there');
  };
  const { clock } = context;
  return DownloadManager.create({ openSource, clock, random: systemRandom, logger: commandLogger(context) });
}

const columns: readonly Column<Verdict>[] = [
  { header: 'Folder', cell: ({ folder }) => folder },
  { header: 'Checkpoint', cell: ({ report }) => report?.tinker_path ?? 'unknown' },
  { header: 'Verdict', cell: toVerdict },
];

function toVerdict({ report, error }: Verdict): string {
  if (report === undefined) return describeError(error);
  if (report.intact) return 'intact';
  return report.problems.map(({ name, problem }) => `${name} ${problem}`).join(', ');
}
