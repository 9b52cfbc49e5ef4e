import { jit, numpy as np } from '@jax-js/jax';
import type { Array } from '@jax-js/jax';
import type { ModelConfig } from '../model-config.ts';
import type { FrozenWeights, TrainableMatrices } from '../model-weights.ts';
import { shareWeights } from './device-weights.ts';
import type { DeviceWeights } from './device-weights.ts';
import { headBackward, headForward } from './head.ts';
import { layerBackward } from './layer-backward.ts';
import { layerForward } from './layer-forward.ts';
import type { LayerResiduals, LayerWeights, Positions, Rotation } from './layer-forward.ts';
import { causalMask, RotaryTable } from './positions.ts';
import type { ShapeLog } from './shape-log.ts';

/** One padded row: tokens, where each stands in its own text, and which text it belongs to (-1: padding). */
export interface PaddedRow {
  tokens: Int32Array;
  positions: Int32Array;
  segments: Int32Array;
}

/** What one forward pass leaves for its backward pass; dispose it when there is none. */
export interface Tape extends Disposable {
  row: PaddedRow;
  inputs: Array[];
  residuals: LayerResiduals[];
}

/** Keys and values `[heads, T, headSize]` of one block, for a sampler that goes on from here. */
export interface LayerMemory {
  key: Float32Array<ArrayBuffer>;
  value: Float32Array<ArrayBuffer>;
}

/**
 * Forward and backward passes over one padded row, block by block: the jitted functions are those of one block, so a
 * row length compiles once for the whole depth of the model.
 */
export class Transformer {
  readonly config: ModelConfig;
  readonly rotary: RotaryTable;
  readonly #shapes: ShapeLog;
  readonly #layerForward;
  readonly #layerBackward;
  readonly #headForward;
  readonly #headBackward;

  constructor(config: ModelConfig, shapes: ShapeLog) {
    this.config = config;
    this.#shapes = shapes;
    this.rotary = new RotaryTable(config);
    this.#layerForward = jit((input: Array, weights: LayerWeights, positions: Positions) =>
      layerForward(config, input, weights, positions),
    );
    this.#layerBackward = jit(
      (
        gradient: Array,
        input: Array,
        residuals: LayerResiduals,
        weights: LayerWeights,
        positions: Rotation,
      ) => layerBackward(config, gradient, input, residuals, weights, positions),
    );
    this.#headForward = jit((input: Array, finalNorm: Array, unembedding: Array) =>
      headForward(config, input, finalNorm, unembedding),
    );
    this.#headBackward = jit((gradient: Array, input: Array, finalNorm: Array, unembedding: Array) =>
      headBackward(config, gradient, input, finalNorm, unembedding),
    );
  }

  /** Logits `[T, vocabulary]` of a row, and the tape for `backward`. */
  forward(
    row: PaddedRow,
    frozen: FrozenWeights,
    weights: DeviceWeights,
  ): { logits: Float32Array; tape: Tape } {
    return this.#shapes.run(`forward ${row.tokens.length}`, () => {
      using positions = this.#uploadPositions(row);
      const mask = np.array(causalMask(row.segments), { shape: [row.segments.length, row.segments.length] });
      const inputs: Array[] = [this.#embed(row.tokens, frozen)];
      const residuals: LayerResiduals[] = [];
      for (const layer of weights.layers) {
        const input = last(inputs).ref;
        const result = this.#layerForward(input, shareWeights(layer), {
          ...positions.share(),
          mask: mask.ref,
        });
        inputs.push(result.output);
        residuals.push(result.residuals);
        // jax-js runs a program when its result is read, and keeps every temporary of it until then.
        readFloats(result.output.ref);
      }
      mask.dispose();
      const logits = this.#headForward(last(inputs).ref, weights.finalNorm.ref, weights.unembedding.ref);
      const data = readFloats(logits);
      return {
        logits: data,
        tape: { row, inputs, residuals, [Symbol.dispose]: () => disposeTape(inputs, residuals) },
      };
    });
  }

  /**
   * Adds to `sums` the gradient of every matrix, given that of the logits `[T, vocabulary]`. Consumes the tape.
   * Returns the gradient of the embedded input `[T, hidden]`.
   */
  backward(
    tape: Tape,
    logitsGradient: Float32Array<ArrayBuffer>,
    weights: DeviceWeights,
    sums: TrainableMatrices,
  ): Float32Array {
    const length = tape.row.tokens.length;
    return this.#shapes.run(`backward ${length}`, () => {
      using positions = this.#uploadPositions(tape.row);
      const { inputs, residuals } = tape;
      const head = this.#headBackward(
        np.array(logitsGradient, { shape: [length, this.config.vocabularySize] }),
        take(inputs),
        weights.finalNorm.ref,
        weights.unembedding.ref,
      );
      addTo(sums.unembedding, head.unembedding);
      let gradient = head.input;
      for (let index = weights.layers.length - 1; index >= 0; index--) {
        const layer = weights.layers[index];
        const sum = sums.layers[index];
        if (layer === undefined || sum === undefined) throw new RangeError(`No layer ${index}`);
        const result = this.#layerBackward(
          gradient,
          take(inputs),
          take(residuals),
          shareWeights(layer),
          positions.share(),
        );
        gradient = result.input;
        addTo(sum.queryKeyValue, result.matrices.queryKeyValue);
        addTo(sum.attentionOutput, result.matrices.attentionOutput);
        addTo(sum.gateUp, result.matrices.gateUp);
        addTo(sum.down, result.matrices.down);
      }
      return readFloats(gradient);
    });
  }

  /** Keys and values of each block, from a tape that is still whole. */
  static memory(tape: Tape): LayerMemory[] {
    return tape.residuals.map(({ key, value }) => ({
      key: readFloats(key.ref),
      value: readFloats(value.ref),
    }));
  }

  #embed(tokens: Int32Array, { embedding }: FrozenWeights): Array {
    const size = this.config.hiddenSize;
    const rows = new Float32Array(tokens.length * size);
    for (const [index, token] of tokens.entries())
      rows.set(embedding.subarray(token * size, (token + 1) * size), index * size);
    return np.array(rows, { shape: [tokens.length, size] });
  }

  #uploadPositions({ positions }: PaddedRow): { share: () => Rotation } & Disposable {
    const { cosine, signedSine } = this.rotary.of(positions);
    const shape = [positions.length, 1, 2, this.config.headSize / 2];
    const rotation: Rotation = {
      cosine: np.array(cosine, { shape }),
      signedSine: np.array(signedSine, { shape }),
    };
    return {
      share: () => ({ cosine: rotation.cosine.ref, signedSine: rotation.signedSine.ref }),
      [Symbol.dispose]: () => {
        rotation.cosine.dispose();
        rotation.signedSine.dispose();
      },
    };
  }
}

/** Reads a float32 array and lets it go. */
export function readFloats(array: Array): Float32Array<ArrayBuffer> {
  const data = array.dataSync();
  if (!(data instanceof Float32Array)) throw new TypeError(`Expected float32, got ${array.dtype}`);
  return data;
}

function addTo(sum: Float32Array, part: Array): void {
  const data = readFloats(part);
  for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (data[index] ?? 0);
}

function take<T>(items: T[]): T {
  const item = items.pop();
  if (item === undefined) throw new RangeError('The tape is used up');
  return item;
}

function last<T>(items: readonly T[]): T {
  const item = items.at(-1);
  if (item === undefined) throw new RangeError('An empty list has no last item');
  return item;
}

function disposeTape(inputs: Array[], residuals: LayerResiduals[]): void {
  for (const array of inputs.splice(0)) array.dispose();
  for (const { exponentials, inverseSums, ...single } of residuals.splice(0)) {
    for (const array of [...exponentials, ...inverseSums, ...Object.values(single)]) array.dispose();
  }
}
