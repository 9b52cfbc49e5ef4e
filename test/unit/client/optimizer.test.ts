import { describe, expect, it } from 'vitest';
import { checkOptimizerConfig, checkOptimParams } from '../../../src/client/training/optimizer.ts';
import type { OptimizerConfigInput, OptimParamsInput } from '../../../src/types/training.ts';

const adam = {
  learning_rate: 1e-4,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-12,
  weight_decay: 0,
  grad_clip_norm: 0,
};

describe('checkOptimParams (TYP-9, TYP-34)', () => {
  it("sends Adam's parameters with their defaults, and no type", () => {
    expect(checkOptimParams({}, undefined)).toEqual({ adam_params: adam });
    const given = { type: 'adamw', learning_rate: 0.1, weight_decay: 0.01, grad_clip_norm: 1 } as const;
    const { type: _, ...fields } = given;
    expect(checkOptimParams(given, { type: 'adamw' })).toEqual({ adam_params: { ...adam, ...fields } });
  });

  it("sends Dimuon's under the other key, spelled as the official client does", () => {
    const sent = checkOptimParams({ type: 'dimuon', learning_rate: 0.02 }, { type: 'dimuon', version: 1 });
    expect(JSON.stringify(sent)).toBe(
      '{"optimizer_params":{"type":"dimuon","learning_rate":0.02,"grad_clip_norm":0,"beta1":0.9}}',
    );
  });

  it('passes those of an optimizer that it does not know', () => {
    const params = { type: 'shampoo', learning_rate: 1, order: 2 } as unknown as OptimParamsInput;
    expect(checkOptimParams(params, { type: 'shampoo' })).toEqual({ optimizer_params: params });
  });

  it.each<[object, string]>([
    [{ learning_rate: -1 }, 'optimStep: learning_rate'],
    [{ learning_rate: NaN }, 'optimStep: learning_rate'],
    [{ beta1: 1 }, 'optimStep: beta1'],
    [{ eps: 0 }, 'optimStep: eps'],
    [{ weight_decay: -0.1 }, 'optimStep: weight_decay'],
    [{ grad_clip_norm: -1 }, 'optimStep: grad_clip_norm'],
    [{ learningRate: 1 }, 'optimStep: Unrecognized key: "learningRate"'],
    [{ type: 'dimuon' }, 'optimStep: learning_rate'],
    [{ type: 'dimuon', learning_rate: 1, beta1: 1 }, 'optimStep: beta1'],
    [{ type: 'dimuon', learning_rate: Infinity }, 'optimStep: learning_rate'],
    [{ type: 'dimuon', learning_rate: 1, beta2: 0.9 }, 'optimStep: Unrecognized key: "beta2"'],
  ])('refuses %o, naming the field', (params, message) => {
    expect(() => checkOptimParams(params as OptimParamsInput, undefined)).toThrow(message);
  });

  it("refuses parameters that are not of the model's optimizer", () => {
    expect(() => checkOptimParams({}, { type: 'dimuon', version: 1 })).toThrow(
      "the optimizer of this model is dimuon, since its creation: give { type: 'dimuon', … }, not adamw's",
    );
    expect(() => checkOptimParams({ type: 'dimuon', learning_rate: 1 }, { type: 'adamw' })).toThrow(
      "give Adam's parameters, not dimuon's",
    );
  });
});

describe('checkOptimizerConfig (TYP-34)', () => {
  it('gives Dimuon its version, and passes what it does not know', () => {
    expect(checkOptimizerConfig({ type: 'dimuon' })).toEqual({ type: 'dimuon', version: 1 });
    const other = { type: 'shampoo', order: 2 } as unknown as OptimizerConfigInput;
    expect(checkOptimizerConfig(other)).toEqual(other);
  });

  it('refuses what cannot be one', () => {
    const check = (config: object) => () => checkOptimizerConfig(config as OptimizerConfigInput);
    expect(check({})).toThrow('optimizer_config.type must name an optimizer');
    expect(check({ type: 'adamw', beta1: 1 })).toThrow('optimizer_config: Unrecognized key: "beta1"');
    expect(check({ type: 'dimuon', version: 2 })).toThrow('optimizer_config: version');
  });
});
