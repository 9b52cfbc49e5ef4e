import type { DatabaseSync } from 'node:sqlite';
import { AuditStore } from './audit-store.ts';
import { BootStore } from './boot-store.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { openDatabase } from './database.ts';
import { SamplerStore } from './sampler-store.ts';
import { SessionStore } from './session-store.ts';
import { TrainingRunStore } from './training-run-store.ts';
import { UsageStore } from './usage-store.ts';

/** Everything that outlives a restart, by resource. */
export class Store {
  readonly boots: BootStore;
  readonly sessions: SessionStore;
  readonly trainingRuns: TrainingRunStore;
  readonly samplers: SamplerStore;
  readonly checkpoints: CheckpointStore;
  readonly audit: AuditStore;
  readonly usage: UsageStore;
  readonly #database: DatabaseSync;

  constructor(dataDir: string) {
    this.#database = openDatabase(dataDir);
    this.boots = new BootStore(this.#database);
    this.sessions = new SessionStore(this.#database);
    this.trainingRuns = new TrainingRunStore(this.#database);
    this.samplers = new SamplerStore(this.#database);
    this.checkpoints = new CheckpointStore(this.#database);
    this.audit = new AuditStore(this.#database);
    this.usage = new UsageStore(this.#database);
  }

  close(): void {
    this.#database.close();
  }
}
