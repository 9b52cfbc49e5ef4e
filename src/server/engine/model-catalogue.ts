import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readModelConfig } from './base-model.ts';
import type { BaseModel } from './engine.ts';
import { EngineError } from './engine-error.ts';
import { ShapeLog } from './graph/shape-log.ts';
import { Transformer } from './graph/transformer.ts';
import { readBase } from './loaded-base.ts';
import type { LoadedBase } from './loaded-base.ts';
import type { ModelConfig } from './model-config.ts';
import { parameterCount } from './model-weights.ts';
import { Decoder } from './sampling/decode-batch.ts';

/** Compiled passes, which all models of one architecture share. */
interface Passes {
  transformer: Transformer;
  decoder: Decoder;
}

/** The base models of a folder, `<organization>/<name>/`, each read when it is first needed. */
export class ModelCatalogue {
  readonly shapes: ShapeLog;
  readonly #directory: string;
  readonly #bases = new Map<string, LoadedBase>();
  readonly #passes = new Map<string, Passes>();

  constructor(directory: string, now: () => number) {
    this.#directory = directory;
    this.shapes = new ShapeLog(now);
  }

  async list(): Promise<BaseModel[]> {
    return Promise.all(
      (await this.#names()).map(async (name) => {
        const config = await readModelConfig(path.join(this.#directory, name));
        return {
          name,
          vocabularySize: config.vocabularySize,
          maxContextLength: config.contextLength,
          parameterCount: parameterCount(config),
        };
      }),
    );
  }

  async base(name: string): Promise<LoadedBase> {
    const known = this.#bases.get(name);
    if (known !== undefined) return known;
    const names = await this.#names();
    if (!names.includes(name)) {
      throw new EngineError(
        'user',
        `Unknown base_model ${JSON.stringify(name)}: this server has ${names.join(', ')}`,
      );
    }
    const base = await readBase(
      name,
      path.join(this.#directory, name),
      ({ config }) => this.passes(config).transformer,
    );
    this.#bases.set(name, base);
    return base;
  }

  passes(config: ModelConfig): Passes {
    const { randomSeed: _seed, endTokens: _ends, ...architecture } = config;
    const key = JSON.stringify(architecture);
    const known = this.#passes.get(key);
    if (known !== undefined) return known;
    const transformer = new Transformer(config, this.shapes);
    const passes = { transformer, decoder: new Decoder(config, transformer.rotary, this.shapes) };
    this.#passes.set(key, passes);
    return passes;
  }

  async #names(): Promise<string[]> {
    const files = await readdir(this.#directory, { recursive: true });
    return files
      .filter((file) => path.basename(file) === 'config.json')
      .map((file) => path.dirname(file).split(path.sep).join('/'))
      .toSorted();
  }
}
