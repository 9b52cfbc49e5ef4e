import { EngineError } from '../engine-error.ts';
import type { TrainingRow } from '../engine.ts';

/**
 * The losses, each a rule per target. With lp the target's log-probability now, q the given one, A the advantage, w the
 * weight and r = exp(lp - q), every loss is summed over positions and rows:
 *
 *   cross_entropy        -w lp
 *   importance_sampling  -r A
 *   ppo                  -min(r A, clamp(r, low, high) A)
 *   cispo                -stopgradient(clamp(r, low, high)) A lp
 *   dro                  -(A lp - beta/2 (lp - q)^2)
 *   gspo                 as ppo, with s for r: s = exp(mean of lp - q over the row's mask), whose gradient at a position is
 *                        that of lp there times s
 *
 * A loss reaches the model only through lp, so its whole gradient is one coefficient per target: minus its derivative
 * by lp. One backward pass serves all.
 */
interface TokenLoss {
  loss: number;
  coefficient: number;
}

const clipNames = ['clip_low_threshold', 'clip_high_threshold'] as const;

type InputName = 'weights' | 'logprobs' | 'advantages' | 'sequence_ratio_mask' | (typeof clipNames)[number];

/** What a rule reads of one target. Bounds are those of the config, or of the tensors of the same names. */
interface Target {
  logprob: number;
  weight: number;
  sampled: number;
  advantage: number;
  ratio: number;
  low: number;
  high: number;
}

interface LossRule {
  inputs: readonly InputName[];
  optionalInputs?: readonly InputName[];
  /** Config keys and what they are when not given. */
  defaults: Readonly<Record<string, number>>;
  /** Only then may a position have several targets. */
  severalTargets?: boolean;
  /** One ratio for the whole row, of the positions that its mask marks. */
  sequenceRatio?: boolean;
  token(target: Target, config: Readonly<Record<string, number>>): TokenLoss;
}

const policyInputs = ['logprobs', 'advantages'] as const;

const rules: Readonly<Record<string, LossRule>> = {
  cross_entropy: {
    inputs: ['weights'],
    defaults: {},
    severalTargets: true,
    token: ({ logprob, weight }) => ({ loss: -weight * logprob, coefficient: weight }),
  },
  importance_sampling: {
    inputs: policyInputs,
    defaults: {},
    token({ ratio, advantage }) {
      const gain = ratio * advantage;
      return { loss: -gain, coefficient: gain };
    },
  },
  ppo: {
    inputs: policyInputs,
    optionalInputs: clipNames,
    // The service publishes an epsilon of 0.2; as bounds of the ratio these are ours.
    defaults: { clip_low_threshold: 0.8, clip_high_threshold: 1.2 },
    token: clippedGain,
  },
  cispo: {
    inputs: policyInputs,
    optionalInputs: clipNames,
    // The service publishes none; these are ours.
    defaults: { clip_low_threshold: 0, clip_high_threshold: 4 },
    token({ logprob, advantage, ratio, low, high }) {
      const coefficient = clamp(ratio, low, high) * advantage;
      return { loss: -coefficient * logprob, coefficient };
    },
  },
  dro: {
    inputs: policyInputs,
    // The service's documentation has this as its example.
    defaults: { beta: 0.05 },
    token({ logprob, sampled, advantage }, { beta = 0 }) {
      const drift = logprob - sampled;
      return {
        loss: -(advantage * logprob - 0.5 * beta * drift * drift),
        coefficient: advantage - beta * drift,
      };
    },
  },
  gspo: {
    inputs: [...policyInputs, 'sequence_ratio_mask'],
    optionalInputs: clipNames,
    // The service documents 1 - epsilon and 1 + epsilon without a number; these are ours, as for ppo.
    defaults: { clip_low_threshold: 0.8, clip_high_threshold: 1.2 },
    sequenceRatio: true,
    token: clippedGain,
  },
};

function clippedGain({ ratio, advantage, low, high }: Target): TokenLoss {
  const free = ratio * advantage;
  const clipped = clamp(ratio, low, high) * advantage;
  return { loss: -Math.min(free, clipped), coefficient: free <= clipped ? free : 0 };
}

function clamp(ratio: number, low: number, high: number): number {
  return Math.min(Math.max(ratio, low), high);
}

/** exp of the mean of lp - q over the positions that the mask marks. */
function sequenceRatioOf(row: TrainingRow, logprobs: Float32Array): number {
  let drift = 0;
  let count = 0;
  for (const [slot, logprob] of logprobs.entries()) {
    if ((row.sequence_ratio_mask?.[slot] ?? 0) === 0) continue;
    drift += logprob - (row.logprobs?.[slot] ?? 0);
    count += 1;
  }
  return Math.exp(drift / count);
}

export interface Loss {
  name: string;
  inputs: readonly InputName[];
  optionalInputs: readonly InputName[];
  severalTargets: boolean;
  /** Bounds of the ratio where a row has none of its own; undefined for a loss that does not clip. */
  clip: { low: number; high: number } | undefined;
  /** Sum of the loss over a row's targets, and the coefficient of each. */
  evaluate(row: TrainingRow, logprobs: Float32Array): { sum: number; coefficients: Float32Array };
}

/** What a loss reads and takes, for whoever checks a request before it gets here. */
export interface LossDescription {
  /** Inputs beside the targets that are needed. */
  inputs: readonly InputName[];
  /** Inputs that may be given. */
  optionalInputs: readonly InputName[];
  configKeys: readonly string[];
  /** Whether a position may have several targets. */
  severalTargets: boolean;
}

/** Undefined for a loss that is not one of ours. */
export function describeLoss(name: string): LossDescription | undefined {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined) return undefined;
  const { inputs, optionalInputs = [], defaults, severalTargets = false } = rule;
  return { inputs, optionalInputs, configKeys: Object.keys(defaults), severalTargets };
}

/** A loss by its wire name with its config; unknown names, keys and values are refused by name. */
export function createLoss(name: string, config: Record<string, number>): Loss {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined) {
    throw new EngineError(
      'user',
      `Unknown loss_fn ${JSON.stringify(name)}: this server has ${Object.keys(rules).join(', ')}`,
    );
  }
  const known = Object.keys(rule.defaults);
  const unknown = Object.keys(config).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    const allowed = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
    throw new EngineError('user', `Unknown loss_fn_config of ${name}: ${unknown.join(', ')} (${allowed})`);
  }
  const wrong = known.filter((key) => key in config && !Number.isFinite(config[key]));
  if (wrong.length > 0)
    throw new EngineError('user', `loss_fn_config of ${name} must be finite numbers: ${wrong.join(', ')}`);
  const settings = { ...rule.defaults, ...config };
  const { clip_low_threshold: low, clip_high_threshold: high } = settings;
  if (low !== undefined && high !== undefined && low > high) {
    throw new EngineError(
      'user',
      `loss_fn_config of ${name}: clip_low_threshold ${low} is above clip_high_threshold ${high}`,
    );
  }
  const { inputs, optionalInputs = [], severalTargets = false, sequenceRatio = false } = rule;
  return {
    name,
    inputs,
    optionalInputs,
    severalTargets,
    clip: low === undefined || high === undefined ? undefined : { low, high },
    evaluate(row, logprobs) {
      let sum = 0;
      const coefficients = new Float32Array(logprobs.length);
      const rowRatio = sequenceRatio ? sequenceRatioOf(row, logprobs) : undefined;
      for (const [slot, logprob] of logprobs.entries()) {
        const sampled = row.logprobs?.[slot] ?? 0;
        const target = {
          logprob,
          sampled,
          weight: row.weights?.[slot] ?? 0,
          advantage: row.advantages?.[slot] ?? 0,
          ratio: rowRatio ?? Math.exp(logprob - sampled),
          low: row.clip_low_threshold?.[slot] ?? low ?? 0,
          high: row.clip_high_threshold?.[slot] ?? high ?? Infinity,
        };
        const { loss, coefficient } = rule.token(target, settings);
        sum += loss;
        coefficients[slot] = coefficient;
      }
      return { sum, coefficients };
    },
  };
}
