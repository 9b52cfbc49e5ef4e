import { randomBytes } from 'node:crypto';
import { ArchiveService } from '../archive/archive-service.ts';
import { aliasEngine } from '../aliases.ts';
import { UrlSigner } from '../archive/signed-url.ts';
import { BackgroundWork } from '../background-work.ts';
import { CheckpointFiles } from '../checkpoint-files.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineAccess } from '../engine-access.ts';
import { FutureTable } from '../future-table.ts';
import { ModelHub } from '../model-hub.ts';
import type { ResolvedOptions } from '../options.ts';
import type { Store } from '../store/store.ts';
import { TraceRecorder, traceEngine } from '../trace-recorder.ts';
import { meterEngine, UsageMeter } from '../usage-meter.ts';
import { AuditLog } from './audit-log.ts';
import { BillingService } from './billing-service.ts';
import { CheckpointService } from './checkpoint-service.ts';
import { CopyService } from './copy-service.ts';
import { ModelService } from './model-service.ts';
import { SamplerService } from './sampler-service.ts';
import { SessionSearch } from './session-search.ts';
import { SessionService } from './session-service.ts';
import { TrainingRunService } from './training-run-service.ts';
import { TrainingService } from './training-service.ts';
import { UploadService } from './upload-service.ts';

/** Everything that routes call. */
export type Services = ReturnType<typeof createServices>;

/** Puts the services of one server together. */
export function createServices(options: ResolvedOptions, store: Store, engineModule: Engine) {
  const { clock, logger, dataDir } = options;
  const bootId = randomBytes(6).toString('hex');
  store.boots.insert(bootId, clock.now());
  const background = new BackgroundWork(logger);
  const traces = new TraceRecorder(clock);
  const meter = new UsageMeter(store.usage, clock);
  const engine = new EngineAccess(
    meterEngine(traceEngine(aliasEngine(engineModule, options.aliases), traces), meter),
  );
  const futures = new FutureTable(bootId, clock, options.maxOpenFutures);
  const files = new CheckpointFiles(dataDir);
  const audit = new AuditLog({ audit: store.audit, clock });
  const checkpoints = new CheckpointService({ store, clock, engine, files, audit });
  const sessions = new SessionService({
    store,
    clock,
    audit,
    sessionTimeoutMs: options.sessionTimeoutMs,
    onEnd: (id) => {
      background.start('freeing a session', () =>
        Promise.all([models.endSession(id), samplers.endSession(id)]),
      );
    },
  });
  const models = new ModelService({
    store,
    clock,
    engine,
    futures,
    sessions,
    checkpoints,
    logger,
    gapTimeoutMs: options.gapTimeoutMs,
    maxModels: options.maxModels,
  });
  const samplers = new SamplerService({
    store,
    clock,
    engine,
    futures,
    sessions,
    checkpoints,
    background,
    logger,
  });
  const archives = new ArchiveService({ dataDir, clock, checkpoints, pendingMs: options.archivePendingMs });
  return {
    background,
    engine,
    futures,
    checkpoints,
    sessions,
    models,
    samplers,
    archives,
    audit,
    meter,
    traces,
    billing: new BillingService({ store, clock, meter }),
    uploads: new UploadService({
      store,
      clock,
      engine,
      files,
      checkpoints,
      sessions,
      maxBytes: options.maxBodyBytes,
    }),
    copies: new CopyService({ store, clock, checkpoints, sessions, models }),
    sessionSearch: new SessionSearch({ store, clock }),
    training: new TrainingService({ engine, models, checkpoints, samplers }),
    trainingRuns: new TrainingRunService({ trainingRuns: store.trainingRuns, checkpoints }),
    signer: new UrlSigner(randomBytes(32)),
    hub: new ModelHub(options.modelsDirectory, options.aliases),

    /** At start: cleans what a kill left in the data folder. */
    recover: async (): Promise<void> => {
      await archives.clear();
      await files.recover(store.trainingRuns.listIds(), (key) => store.checkpoints.findRevision(key));
    },

    /** Fails what has not begun, waits for the running operations of models, and ends the engine with its samples. */
    close: async (): Promise<void> => {
      engine.stop();
      await models.close();
      await archives.idle();
      await engine.close();
      await background.idle();
      meter.flush();
    },
  };
}
