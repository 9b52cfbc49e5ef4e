import { jit, numpy as np } from '@jax-js/jax';
import type { Array as DeviceArray } from '@jax-js/jax';
import { decodeStep } from '../graph/decode.ts';
import type { DecodeInputs, KeyValues } from '../graph/decode.ts';
import { shareWeights } from '../graph/device-weights.ts';
import type { DeviceWeights } from '../graph/device-weights.ts';
import type { LayerWeights } from '../graph/layer-forward.ts';
import { hiddenScore } from '../graph/positions.ts';
import type { RotaryTable } from '../graph/positions.ts';
import type { ShapeLog } from '../graph/shape-log.ts';
import { readFloats } from '../graph/transformer.ts';
import type { LayerMemory } from '../graph/transformer.ts';
import type { ModelConfig } from '../model-config.ts';

/** Places for keys and values in a batch's context. It grows to the next size when a slot needs it; small is faster. */
const contextSizes = [256, 1024] as const;

/** How many of a slot's newest tokens have their keys and values beside the context, which is uploaded seldom. */
const recentSize = 32;

/** The jitted step of the sampler; one for all batches, so that each of their shapes compiles once. */
export class Decoder {
  readonly config: ModelConfig;
  readonly rotary: RotaryTable;
  readonly shapes: ShapeLog;
  readonly step;

  constructor(config: ModelConfig, rotary: RotaryTable, shapes: ShapeLog) {
    this.config = config;
    this.rotary = rotary;
    this.shapes = shapes;
    this.step = jit(
      (
        inputs: DecodeInputs,
        layers: LayerWeights[],
        head: { finalNorm: DeviceArray; unembedding: DeviceArray },
        context: KeyValues[],
        recent: KeyValues[],
      ) => decodeStep(config, inputs, layers, head, context, recent),
    );
  }
}

interface Slot {
  /** Places filled in the context, and in the recent keys and values. */
  contextCount: number;
  recentCount: number;
}

/**
 * Rows that are extended by one token together. When the recent places of a slot are full they move into its context;
 * that depends on the slot alone, so a sequence gets the same numbers whatever runs beside it.
 */
export class DecodeBatch implements Disposable {
  readonly #decoder: Decoder;
  readonly #weights: DeviceWeights;
  readonly #embedding: Float32Array;
  #contextSize: number = contextSizes[0];
  readonly #slots: Slot[];
  /** Of each layer, `[slots, heads, contextSize, headSize]`. */
  #context: LayerMemory[];
  #uploaded: { context: KeyValues[]; mask: DeviceArray } | undefined;
  #recent: KeyValues[];

  constructor(decoder: Decoder, weights: DeviceWeights, embedding: Float32Array, slotCount: number) {
    const { headCount, headSize, layerCount } = decoder.config;
    this.#decoder = decoder;
    this.#weights = weights;
    this.#embedding = embedding;
    this.#slots = Array.from({ length: slotCount }, () => ({ contextCount: 0, recentCount: 0 }));
    this.#context = this.#emptyContext(contextSizes[0]);
    const empty = new Float32Array(slotCount * headCount * recentSize * headSize);
    this.#recent = Array.from({ length: layerCount }, () => this.#uploadRecent({ key: empty, value: empty }));
  }

  get slotCount(): number {
    return this.#slots.length;
  }

  /** Puts a prompt's keys and values, `[heads, rows, headSize]` of which `length` rows count, into a slot. */
  load(index: number, memory: readonly LayerMemory[], length: number): void {
    this.#moveRecent([index]);
    this.#reserve(length);
    for (const [layer, part] of memory.entries()) {
      for (const kind of ['key', 'value'] as const) this.#copyRows(index, layer, kind, part[kind], length, 0);
    }
    Object.assign(this.#slot(index), { contextCount: length, recentCount: 0 });
    this.#dropUploaded();
  }

  /**
   * Feeds one token to each slot that has one, at the position after its last; returns the logits `[slots, vocabulary]`,
   * which mean nothing for the others.
   */
  step(tokens: readonly (number | undefined)[]): Float32Array {
    this.#moveRecent([...this.#slots.keys()].filter((index) => this.#slot(index).recentCount === recentSize));
    return this.#decoder.shapes.run(`decode ${this.slotCount} x ${this.#contextSize}`, () => {
      const { context, mask } = (this.#uploaded ??= this.#upload());
      const { layers, finalNorm, unembedding } = this.#weights;
      const result = this.#decoder.step(
        this.#inputs(tokens, mask.ref),
        layers.map(shareWeights),
        { finalNorm: finalNorm.ref, unembedding: unembedding.ref },
        context.map(({ key, value }) => ({ key: key.ref, value: value.ref })),
        this.#recent,
      );
      this.#recent = result.recent;
      for (const [index, token] of tokens.entries()) if (token !== undefined) this.#slot(index).recentCount++;
      return readFloats(result.logits);
    });
  }

  [Symbol.dispose](): void {
    this.#dropUploaded();
    for (const { key, value } of this.#recent.splice(0)) {
      key.dispose();
      value.dispose();
    }
  }

  #inputs(tokens: readonly (number | undefined)[], contextMask: DeviceArray): DecodeInputs {
    const { hiddenSize, headSize } = this.#decoder.config;
    const count = this.slotCount;
    const embedded = new Float32Array(count * hiddenSize);
    const positions = new Int32Array(count);
    const recentMask = new Float32Array(count * recentSize).fill(hiddenScore);
    const place = new Float32Array(count * recentSize);
    for (const [index, token] of tokens.entries()) {
      if (token === undefined) continue;
      const { contextCount, recentCount } = this.#slot(index);
      embedded.set(
        this.#embedding.subarray(token * hiddenSize, (token + 1) * hiddenSize),
        index * hiddenSize,
      );
      positions[index] = contextCount + recentCount;
      recentMask.fill(0, index * recentSize, index * recentSize + recentCount + 1);
      place[index * recentSize + recentCount] = 1;
    }
    const { cosine, signedSine } = this.#decoder.rotary.of(positions);
    return {
      embedded: np.array(embedded, { shape: [count, hiddenSize] }),
      cosine: np.array(cosine, { shape: [count, 1, 2, headSize / 2] }),
      signedSine: np.array(signedSine, { shape: [count, 1, 2, headSize / 2] }),
      contextMask,
      recentMask: np.array(recentMask, { shape: [count, 1, 1, recentSize] }),
      recentPlace: np.array(place, { shape: [count, 1, recentSize, 1] }),
    };
  }

  /** Appends the recent keys and values of some slots to their contexts, and clears them. */
  #moveRecent(indices: readonly number[]): void {
    const filled = indices.filter((index) => this.#slot(index).recentCount > 0);
    if (filled.length === 0) return;
    this.#reserve(
      Math.max(...filled.map((index) => this.#slot(index).contextCount + this.#slot(index).recentCount)),
    );
    const { headCount, headSize } = this.#decoder.config;
    this.#recent = this.#recent.map(({ key, value }, layer) => {
      const read = { key: readFloats(key), value: readFloats(value) };
      for (const index of filled) {
        const { contextCount, recentCount } = this.#slot(index);
        const size = headCount * recentSize * headSize;
        for (const kind of ['key', 'value'] as const) {
          const rows = read[kind].subarray(index * size, (index + 1) * size);
          this.#copyRows(index, layer, kind, rows, recentCount, contextCount);
          rows.fill(0);
        }
      }
      return this.#uploadRecent(read);
    });
    for (const index of filled) {
      const slot = this.#slot(index);
      slot.contextCount += slot.recentCount;
      slot.recentCount = 0;
    }
    this.#dropUploaded();
  }

  /** Makes room for `count` places per slot. What is there keeps its place, so the numbers do not change. */
  #reserve(count: number): void {
    const size = contextSizes.find((candidate) => candidate >= count);
    if (size === undefined) throw new RangeError(`No context has ${count} places`);
    if (size <= this.#contextSize) return;
    const { headCount, headSize } = this.#decoder.config;
    const old = this.#context;
    const oldRow = this.#contextSize * headSize;
    const newRow = size * headSize;
    this.#context = this.#emptyContext(size);
    for (const [layer, context] of this.#context.entries()) {
      for (const kind of ['key', 'value'] as const) {
        const source = old[layer]?.[kind] ?? new Float32Array(0);
        for (let row = 0; row < this.slotCount * headCount; row++) {
          context[kind].set(source.subarray(row * oldRow, (row + 1) * oldRow), row * newRow);
        }
      }
    }
    this.#contextSize = size;
    this.#dropUploaded();
  }

  #emptyContext(contextSize: number): LayerMemory[] {
    const { headCount, headSize, layerCount } = this.#decoder.config;
    const size = this.slotCount * headCount * contextSize * headSize;
    return Array.from({ length: layerCount }, () => ({
      key: new Float32Array(size),
      value: new Float32Array(size),
    }));
  }

  /** The first `count` rows of `source [heads, rows, headSize]` into a slot's context, from place `target` on. */
  #copyRows(
    index: number,
    layer: number,
    kind: keyof LayerMemory,
    source: Float32Array,
    count: number,
    target: number,
  ): void {
    const { headCount, headSize } = this.#decoder.config;
    const context = this.#context[layer];
    if (context === undefined) throw new RangeError(`No layer ${layer}`);
    const rowCount = source.length / (headCount * headSize);
    for (let head = 0; head < headCount; head++) {
      const from = head * rowCount * headSize;
      const to = ((index * headCount + head) * this.#contextSize + target) * headSize;
      context[kind].set(source.subarray(from, from + count * headSize), to);
    }
  }

  #upload(): { context: KeyValues[]; mask: DeviceArray } {
    const { headCount, headSize } = this.#decoder.config;
    const shape = [this.slotCount, headCount, this.#contextSize, headSize];
    const mask = new Float32Array(this.slotCount * this.#contextSize).fill(hiddenScore);
    for (const [index, { contextCount }] of this.#slots.entries()) {
      mask.fill(0, index * this.#contextSize, index * this.#contextSize + contextCount);
    }
    return {
      context: this.#context.map(({ key, value }) => ({
        key: np.array(key, { shape }),
        value: np.array(value, { shape }),
      })),
      mask: np.array(mask, { shape: [this.slotCount, 1, 1, this.#contextSize] }),
    };
  }

  #uploadRecent({ key, value }: LayerMemory): KeyValues {
    const shape = [this.slotCount, this.#decoder.config.headCount, recentSize, this.#decoder.config.headSize];
    return { key: np.array(key, { shape }), value: np.array(value, { shape }) };
  }

  #dropUploaded(): void {
    for (const { key, value } of this.#uploaded?.context ?? []) {
      key.dispose();
      value.dispose();
    }
    this.#uploaded?.mask.dispose();
    this.#uploaded = undefined;
  }

  #slot(index: number): Slot {
    const slot = this.#slots[index];
    if (slot === undefined) throw new RangeError(`No slot ${index}`);
    return slot;
  }
}
