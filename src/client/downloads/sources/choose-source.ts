import { ApiError } from '../../../core/api-errors.ts';
import { DownloadError, RequestFailedError } from '../../../core/errors.ts';
import { parseTinkerPath } from '../../../core/tinker-path.ts';
import type { CheckpointSource, SourceResolution } from '../../../machines/download-ports.ts';
import type { SourceChoice } from '../../../types/downloads.ts';
import { createArchiveSource } from './archive.ts';
import { createExternalSource } from './external-weights.ts';
import { TemporaryExports, type ExportAccess } from './temporary-export.ts';

/** Chooses the way that a checkpoint takes; nothing is asked before `resolve`. */
export type OpenSource = (tinkerPath: string, choice: SourceChoice) => CheckpointSource;

/**
 * Exports go as they are, training states by an export of their own, samplers as an archive. A server that cannot export is
 * asked for the archive of a training state too, and one that has neither is told apart from one that failed.
 */
export function createSources(access: ExportAccess): OpenSource {
  const exports = new TemporaryExports(access);
  return (tinkerPath, choice) => {
    const path = parseTinkerPath(tinkerPath);
    const archive = named(createArchiveSource(access.api, tinkerPath), tinkerPath);
    if (choice === 'archive') return archive;
    switch (path.checkpoint_type) {
      case 'external':
        return named(createExternalSource(access.api, path), tinkerPath);
      case 'training': {
        const exported = exports.open(tinkerPath);
        return choice === 'auto' ? firstThatCan(exported, archive) : named(exported, tinkerPath);
      }
      case 'sampler':
        return choice === 'auto'
          ? archive
          : refuse(toNotDownloadable(tinkerPath, 'only states are exported'));
    }
  };
}

/** The second where the server says that it does not know the first; what it has once settled on stays. */
function firstThatCan(first: CheckpointSource, second: CheckpointSource): CheckpointSource {
  let chosen = first;
  return {
    async resolve(signal, earlierExport) {
      const answer = await chosen.resolve(signal, earlierExport);
      if (chosen !== first || answer.kind !== 'failed' || !isUnsupported(answer.error)) return answer;
      const other = await second.resolve(signal);
      if (other.kind === 'failed') return other;
      chosen = second;
      return other;
    },
    release: async (options) => {
      await Promise.all([first.release(options), second.release(options)]);
    },
  };
}

/** A route that is missing means that the server gives nothing in this form. */
function named(source: CheckpointSource, tinkerPath: string): CheckpointSource {
  return {
    async resolve(signal, earlierExport): Promise<SourceResolution> {
      const answer = await source.resolve(signal, earlierExport);
      const isMissing =
        answer.kind === 'failed' &&
        answer.error instanceof ApiError &&
        [405, 501].includes(answer.error.status);
      if (!isMissing) return answer;
      return { kind: 'failed', error: toNotDownloadable(tinkerPath, answer.error.message, answer.error) };
    },
    release: (options) => source.release(options),
  };
}

function refuse(refusal: DownloadError): CheckpointSource {
  return {
    resolve: () => Promise.resolve({ kind: 'failed', error: refusal }),
    release: () => Promise.resolve(),
  };
}

function isUnsupported(error: Error): boolean {
  if (error instanceof ApiError) return [404, 405, 501].includes(error.status) || saysUnsupported(error);
  return error instanceof RequestFailedError && saysUnsupported(error);
}

function saysUnsupported({ message }: Error): boolean {
  return /not (?:supported|implemented|permitted)|unsupported/i.test(message);
}

function toNotDownloadable(tinkerPath: string, why: string, cause?: Error): DownloadError {
  return new DownloadError('not_downloadable', `This server does not give away ${tinkerPath}: ${why}`, {
    cause,
  });
}
