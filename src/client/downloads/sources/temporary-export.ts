import PQueue from 'p-queue';
import { ApiError } from '../../../core/api-errors.ts';
import { withDeadline } from '../../../core/deadline.ts';
import { attributed } from '../../../core/sdk-method.ts';
import { parseTinkerPath, toTinkerPath, type TinkerPath } from '../../../core/tinker-path.ts';
import type { ApiClient } from '../../../http/api-client.ts';
import { deleteCheckpoint, setCheckpointTtl } from '../../../http/endpoints/checkpoints.ts';
import { unloadModel } from '../../../http/endpoints/training.ts';
import type { CheckpointSource } from '../../../machines/download-ports.ts';
import { toOutcome } from '../../ports.ts';
import type { TrainingClient } from '../../training-client.ts';
import { downloadMethod } from './archive.ts';
import { signExport, type ExportSource } from './external-weights.ts';

/** What a process that is killed leaves on the server is gone after so long. */
const ttl_seconds = 3600;
const exportName = 'download';
/** Models that are in the server's memory for exports at once. */
const exportsAtOnce = 2;
const releaseTimeoutMs = 30_000;

export interface ExportAccess {
  api: ApiClient;
  /** A model with the weights of a saved state. */
  openState: (path: string, signal: AbortSignal) => Promise<TrainingClient>;
}

/** Sources of one manager for training checkpoints: each is exported for its download alone (wire-protocol 10.2). */
export class TemporaryExports {
  readonly #access: ExportAccess;
  readonly #queue = new PQueue({ concurrency: exportsAtOnce });

  constructor(access: ExportAccess) {
    this.#access = access;
  }

  open(tinkerPath: string): CheckpointSource {
    const { api } = this.#access;
    /** Where the export is, or may be: known before it is made. */
    let exported: TinkerPath | undefined;
    let isMade = false;
    let isEarlier = false;
    const make = async (signal: AbortSignal): Promise<void> => {
      await using training = await this.#access.openState(tinkerPath, signal);
      exported = parseTinkerPath(`tinker://${training.info.model_id}/external_weights/${exportName}`);
      try {
        const { path } = await training.saveWeightsExternal({ name: exportName, ttl_seconds }, { signal });
        exported = parseTinkerPath(path);
        isMade = true;
      } finally {
        // The weights are safe with the export, or nobody wants them any more.
        await this.#quietly('given up the model', (options) =>
          unloadModel(api, training.info.model_id, options),
        );
      }
    };
    const takeOver = (earlierExport: string): void => {
      const path = parseTinkerPath(earlierExport);
      // Nothing else may be deleted in the end, whatever a journal says.
      if (path.checkpoint_type !== 'external' || path.name !== exportName) return;
      exported = path;
      isMade = true;
      isEarlier = true;
    };
    const sign = async (signal: AbortSignal): Promise<ExportSource> => {
      const path = exported as TinkerPath;
      await setCheckpointTtl(api, path, ttl_seconds, attributed(downloadMethod, { signal }));
      return signExport(api, path, signal);
    };
    const resolve = async (signal: AbortSignal, earlierExport: string | undefined): Promise<ExportSource> => {
      if (!isMade && earlierExport !== undefined) takeOver(earlierExport);
      if (isEarlier) {
        const signed = await toOutcome(sign(signal));
        if (signed.kind === 'ok') return signed.value;
        if (!isGone(signed.error)) throw signed.error;
        isMade = false;
        isEarlier = false;
      }
      if (!isMade) await this.#queue.add(() => make(signal), { signal });
      return sign(signal);
    };
    return {
      async resolve(signal, earlierExport) {
        const signed = await toOutcome(resolve(signal, earlierExport));
        if (signed.kind === 'failed') return signed;
        const { training_run_id, name } = exported as TinkerPath;
        const temporaryExport = toTinkerPath(training_run_id, 'external', name);
        return { kind: 'ready', source: { ...signed.value, temporaryExport } };
      },
      release: async ({ keep }) => {
        const path = exported;
        exported = undefined;
        isMade = false;
        if (path !== undefined && !keep)
          await this.#quietly('deleted the export', (options) => deleteCheckpoint(api, path, options));
      },
    };
  }

  /** Tidying up on the server: what fails is logged, since the time to live does it in the end. */
  async #quietly(what: string, work: (options: { signal?: AbortSignal }) => Promise<unknown>): Promise<void> {
    const { clock, logger } = this.#access.api.connection;
    try {
      await withDeadline(what, { timeoutMs: releaseTimeoutMs }, clock, (signal) =>
        work(attributed(downloadMethod, signal === undefined ? {} : { signal })),
      );
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404))
        logger.info(`a download has not ${what} that it made: ${String(error)}`);
    }
  }
}

/** It was deleted, or its time is over: another is to be made. */
function isGone(error: Error): boolean {
  return error instanceof ApiError && [400, 403, 404, 410].includes(error.status);
}
