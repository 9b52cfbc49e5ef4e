import type { Clock } from '../core/clock.ts';
import type { Engine } from './engine/engine.ts';
import { overrideEngine } from './engine-override.ts';
import { sessionOf } from './names.ts';
import type { UsageKind, UsageRow, UsageStore } from './store/usage-store.ts';

export const hourMs = 60 * 60_000;

/** Counts what sessions use. The counts are kept in memory until they are flushed, so that counting costs no disk. */
export class UsageMeter {
  readonly #usage: UsageStore;
  readonly #clock: Clock;
  readonly #pending = new Map<string, UsageRow>();

  constructor(usage: UsageStore, clock: Clock) {
    this.#usage = usage;
    this.#clock = clock;
  }

  /** `id` is that of a model or sampler. */
  count(kind: UsageKind, id: string, base_model: string, quantity: number): void {
    if (quantity === 0) return;
    const now = this.#clock.now();
    const hour = now - (now % hourMs);
    const session_id = sessionOf(id) ?? id;
    const key = JSON.stringify([hour, session_id, base_model, kind]);
    const row = this.#pending.get(key);
    if (row === undefined) this.#pending.set(key, { hour, session_id, base_model, kind, quantity });
    else row.quantity += quantity;
  }

  /** Writes the counts down. */
  flush(): void {
    const rows = [...this.#pending.values()];
    this.#pending.clear();
    if (rows.length > 0) this.#usage.add(rows);
  }
}

/** An engine whose work is counted once it is done. */
export function meterEngine(engine: Engine, meter: UsageMeter): Engine {
  const baseModels = new Map<string, string>();
  const count = (kind: UsageKind, id: string, quantity: number): void =>
    meter.count(kind, id, baseModels.get(id) ?? 'unknown', quantity);
  return overrideEngine(engine, {
    async createModel(request) {
      await engine.createModel(request);
      baseModels.set(request.modelId, request.baseModel);
    },
    async unloadModel(modelId) {
      baseModels.delete(modelId);
      await engine.unloadModel(modelId);
    },
    async createSampler(request) {
      await engine.createSampler(request);
      baseModels.set(request.samplerId, request.baseModel);
    },
    async releaseSampler(samplerId) {
      baseModels.delete(samplerId);
      await engine.releaseSampler(samplerId);
    },
    async forwardBackward(task) {
      const result = await engine.forwardBackward(task);
      count(
        'training',
        task.modelId,
        sumOf(task.rows, ({ tokens }) => tokens.length),
      );
      return result;
    },
    async sample(task) {
      const result = await engine.sample(task);
      count('sampling_prefill', task.samplerId, task.prompt.length);
      count(
        'sampling_sample',
        task.samplerId,
        sumOf(result.sequences, ({ tokens }) => tokens.length),
      );
      return result;
    },
    async saveModel(request) {
      await engine.saveModel(request);
      count('checkpoint', request.modelId, 1);
    },
  });
}

function sumOf<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
