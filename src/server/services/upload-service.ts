import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { startUploadRequestSchema } from '../../types/weights.ts';
import type { CheckpointFiles } from '../checkpoint-files.ts';
import type { EngineAccess } from '../engine-access.ts';
import { HttpError, toOperationError } from '../errors.ts';
import { defaultProjectId } from '../owner.ts';
import { SerialQueue } from '../serial-queue.ts';
import type { Store } from '../store/store.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type { SessionService } from './session-service.ts';

export interface UploadServiceOptions {
  store: Store;
  clock: Clock;
  engine: EngineAccess;
  files: CheckpointFiles;
  checkpoints: CheckpointService;
  sessions: SessionService;
  /** Of one file. */
  maxBytes: number;
}

type StartRequest = z.output<typeof startUploadRequestSchema>;

interface Upload extends StartRequest {
  directory: string;
  expiresAt: number;
  /** One finish at a time, so that a repeated one gets the answer of the first. */
  finishing: SerialQueue;
  path: string | undefined;
}

/** What an export has, and so what an upload needs. */
export const uploadedFiles = ['adapter_config.json', 'adapter_model.safetensors'] as const;

const lifetimeMs = 60 * 60_000;
const maxUploads = 100;

/** Exports that come back: files are sent one by one, and then become a checkpoint (wire-protocol 14, 0.39.0). */
export class UploadService {
  readonly #options: UploadServiceOptions;
  readonly #uploads = new Map<string, Upload>();

  constructor(options: UploadServiceOptions) {
    this.#options = options;
  }

  async start(request: StartRequest): Promise<{ id: string; expiresAt: number }> {
    const { engine, files, clock } = this.#options;
    await engine.baseModel(request.base_model);
    if (this.#uploads.size >= maxUploads) {
      throw new HttpError(
        429,
        `${maxUploads} uploads are open, which is all that this server takes at once`,
        {
          'retry-after': '60',
        },
      );
    }
    const id = randomUUID();
    const expiresAt = clock.now() + lifetimeMs;
    const finishing = new SerialQueue();
    this.#uploads.set(id, {
      ...request,
      directory: await files.stage(),
      expiresAt,
      finishing,
      path: undefined,
    });
    return { id, expiresAt };
  }

  /** Keeps one file; a repeat replaces it. 413 for one that is too large. */
  async receive(id: string, name: (typeof uploadedFiles)[number], content: Readable): Promise<void> {
    const { directory, path } = this.#require(id);
    if (path !== undefined) throw new HttpError(422, `Upload ${id} is finished`);
    const partial = join(directory, `.${name}.${randomUUID()}`);
    try {
      await pipeline(content, limitTo(this.#options.maxBytes), createWriteStream(partial));
      await rename(partial, join(directory, name));
    } finally {
      await rm(partial, { force: true });
    }
  }

  /** Makes a checkpoint of the files, once; 422 for files that are no export of that base model and configuration. */
  finish(id: string): Promise<string> {
    const upload = this.#require(id);
    return upload.finishing.run(async () => (upload.path ??= await this.#publish(id, upload)));
  }

  /** Forgets uploads whose time is over, and the files of those that were never finished. */
  async removeExpired(): Promise<void> {
    for (const [id, { expiresAt, directory }] of this.#uploads) {
      if (expiresAt > this.#options.clock.now()) continue;
      this.#uploads.delete(id);
      await this.#options.files.discardStaged(directory);
    }
  }

  #require(id: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload === undefined)
      throw new HttpError(404, `Unknown upload ${id}: its hour may be over, or the server was restarted`);
    return upload;
  }

  async #publish(id: string, upload: Upload): Promise<string> {
    const { store, clock, checkpoints, sessions } = this.#options;
    const { base_model, lora_config, directory, destination_project_id: project } = upload;
    const missing = uploadedFiles.filter((name) => !existsSync(join(directory, name)));
    if (missing.length > 0) throw new HttpError(422, `These files were not sent yet: ${missing.join(', ')}`);
    await this.#check(id, upload);
    const session_id = sessions.createFinished(project ?? defaultProjectId, 'uploaded weights');
    const run_id = `${session_id}:train:0`;
    const optimizer_config = { type: 'adamw' };
    const run = { id: run_id, session_id, base_model, lora_config, optimizer_config };
    store.trainingRuns.insertCopy({ ...run, copied_from: 'an upload' }, clock.now());
    const key = { run_id, kind: 'external_weights', name: 'upload' } as const;
    const facts = { base_model, lora_config, optimizer_config, user_metadata: null };
    return checkpoints.adopt({ ...key, ...facts, ttl_seconds: null, overwrite: false }, directory);
  }

  /** A model of that configuration must be able to load the files. */
  async #check(id: string, { base_model: baseModel, lora_config: lora, directory }: Upload): Promise<void> {
    const modelId = `upload:${id}`;
    try {
      await this.#options.engine.run(async (engine) => {
        await engine.createModel({ modelId, baseModel, lora });
        try {
          await engine.loadModel({ modelId, directory, includeOptimizer: false });
        } finally {
          await engine.unloadModel(modelId);
        }
      });
    } catch (error) {
      const { category, message } = toOperationError(error);
      // The path of the folder says nothing to whoever sent the files.
      const reason = message.replaceAll(`${directory}/`, '');
      throw category === 'user'
        ? new HttpError(422, `These files cannot be used: ${reason}`)
        : new HttpError(500, reason);
    }
  }
}

function limitTo(maxBytes: number): (content: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (content) {
    let sizeBytes = 0;
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new HttpError(413, `The file is larger than ${maxBytes} bytes`);
      yield chunk;
    }
  };
}
