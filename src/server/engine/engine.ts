import type { AdamParams, LoraConfig } from '../../types/training.ts';

/**
 * What the server needs of a training engine, in plain arrays. The engine owns all weights; the server decides order,
 * names and files. Calls run one at a time, in the order they were made, and reject with `EngineError` for input that
 * the engine refuses. Only sampling bends the order: requests of one sampler that follow each other share a batch, and
 * a request of more sequences than a batch holds lets other calls run in between. The results are the same.
 */
export interface Engine {
  /** Base models on offer, with what `config.json` says of each. */
  models(): Promise<BaseModel[]>;

  /** A new adapter on a base model: A Kaiming-uniform by seed, B zero, gradients and moments zero. */
  createModel(request: { modelId: string; baseModel: string; lora: LoraConfig }): Promise<void>;
  unloadModel(modelId: string): Promise<void>;

  /** Log-probabilities of the targets, and unless `forwardOnly` gradients added to what the model has accumulated. */
  forwardBackward(request: ForwardBackwardTask): Promise<ForwardBackwardResult>;
  /** One AdamW step on the accumulated gradients, which become zero. Without any it is a step with gradient zero. */
  optimStep(modelId: string, params: AdamParams): Promise<{ metrics: Record<string, number> }>;

  /** Writes a PEFT folder (`adapter_config.json`, `adapter_model.safetensors`) and, if asked, `optimizer.safetensors`. */
  saveModel(request: { modelId: string; directory: string; includeOptimizer: boolean }): Promise<void>;
  /** Replaces a model's weights (and moments, if asked) by those of a saved folder; clears its gradients. */
  loadModel(request: { modelId: string; directory: string; includeOptimizer: boolean }): Promise<void>;

  /** Weights to sample from: a base model, a saved folder, or a copy of a live model's weights as they are now. */
  createSampler(request: {
    samplerId: string;
    baseModel: string;
    from: { kind: 'base' } | { kind: 'directory'; directory: string } | { kind: 'model'; modelId: string };
  }): Promise<void>;
  releaseSampler(samplerId: string): Promise<void>;
  sample(request: SampleTask): Promise<SampleResult>;
  /** Stops a sample, which then rejects; one that is finished or unknown is passed over. */
  cancelSample(taskId: string): Promise<void>;

  stats(): Promise<EngineStats>;
  close(): Promise<void>;
}

export interface EngineStats {
  /** Resident memory of the whole process. */
  residentBytes: number;
  /** Every shape compiled so far, with the milliseconds of its first run. */
  compiled: { name: string; milliseconds: number }[];
}

export interface BaseModel {
  name: string;
  vocabularySize: number;
  maxContextLength: number;
  parameterCount: number;
  /** The model that this one is, when it goes by another name. */
  aliasOf?: string | undefined;
}

/** One datum. Targets are row-major `[tokens.length, targetCount]`; so are the inputs of the loss. */
export interface TrainingRow {
  tokens: Int32Array;
  targets: Int32Array;
  /** K: how many targets each position has; 1 for every loss but cross_entropy. */
  targetCount: number;
  weights?: Float32Array | undefined;
  logprobs?: Float32Array | undefined;
  advantages?: Float32Array | undefined;
  sequence_ratio_mask?: Float32Array | undefined;
  clip_low_threshold?: Float32Array | undefined;
  clip_high_threshold?: Float32Array | undefined;
}

export interface ForwardBackwardTask {
  modelId: string;
  rows: TrainingRow[];
  loss: string;
  lossConfig: Record<string, number>;
  forwardOnly: boolean;
}

export interface ForwardBackwardResult {
  /** Log-probability of each target, row-major as the targets were. */
  logprobs: Float32Array[];
  /** The loss summed over rows, positions and targets. */
  lossSum: number;
}

export interface SampleTask {
  /** By which it can be cancelled. */
  taskId?: string | undefined;
  samplerId: string;
  prompt: Int32Array;
  numSamples: number;
  /** Undefined: up to the model's context. */
  maxTokens?: number | undefined;
  temperature: number;
  /** -1: no limit. */
  topK: number;
  topP: number;
  /** One seed gives the same sequences whatever else runs; undefined draws a new one. */
  seed?: bigint | undefined;
  stopTokens: number[];
  stopStrings: string[];
  /** False when the request switched the stop at end of sequence off. */
  stopAtEndOfSequence: boolean;
  promptLogprobs: boolean;
  /** Log-probabilities and likeliest tokens of the last so many prompt tokens alone; undefined: of all but the first. */
  promptLogprobsLastN?: number | undefined;
  /** How many of the likeliest tokens of each prompt token; 0 or undefined: none. */
  topkPrompt?: number | undefined;
  /** The same of each sampled token. */
  topkSample?: number | undefined;
  /** Tokens to score: `ids[i]` after the prompt's first `positions[i] + 1` tokens; the id -1 scores 0. */
  promptTargets?: { positions: Int32Array; ids: Int32Array } | undefined;
  /** How many tokens to draw after each prompt token but the last, by the request's temperature alone. */
  promptAlternatives?: number | undefined;
}

/** The likeliest tokens of each place, row-major `[length, k]`. Rows that are not defined have log-probability `noLogprob`. */
export interface TopkTable {
  tokenIds: Int32Array;
  logprobs: Float32Array;
  k: number;
  length: number;
}

/** What is optional is there when it was asked for. */
export interface SampleResult {
  sequences: {
    tokens: Int32Array;
    logprobs: Float32Array;
    stopReason: 'stop' | 'length';
    topk?: TopkTable | undefined;
  }[];
  /** One per prompt token, NaN first. */
  promptLogprobs?: Float32Array | undefined;
  /** One row per prompt token. */
  topkPrompt?: TopkTable | undefined;
  /** One per target. */
  targetLogprobs?: Float32Array | undefined;
  /** Row-major `[prompt tokens - 1, k]`. */
  alternatives?: { tokens: Int32Array; logprobs: Float32Array; k: number } | undefined;
}
