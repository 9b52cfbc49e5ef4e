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
 *
 * A loss reaches the model only through lp, so its whole gradient is one coefficient per target: minus its derivative
 * by lp. One backward pass serves all.
 */
interface TokenLoss {
  loss: number;
  coefficient: number;
}

type InputName = 'weights' | 'logprobs' | 'advantages';

type Inputs = Record<InputName, number>;

interface LossRule {
  inputs: readonly InputName[];
  /** Config keys and what they are when not given. */
  defaults: Readonly<Record<string, number>>;
  /** Only then may a position have several targets. */
  severalTargets: boolean;
  token(logprob: number, inputs: Inputs, config: Readonly<Record<string, number>>): TokenLoss;
}

const policyInputs = ['logprobs', 'advantages'] as const;

const rules: Readonly<Record<string, LossRule>> = {
  cross_entropy: {
    inputs: ['weights'],
    defaults: {},
    severalTargets: true,
    token: (logprob, { weights }) => ({ loss: -weights * logprob, coefficient: weights }),
  },
  importance_sampling: {
    inputs: policyInputs,
    defaults: {},
    severalTargets: false,
    token(logprob, { logprobs, advantages }) {
      const gain = Math.exp(logprob - logprobs) * advantages;
      return { loss: -gain, coefficient: gain };
    },
  },
  ppo: {
    inputs: policyInputs,
    // The service publishes an epsilon of 0.2; as bounds of the ratio these are ours.
    defaults: { clip_low_threshold: 0.8, clip_high_threshold: 1.2 },
    severalTargets: false,
    token(logprob, { logprobs, advantages }, config) {
      const ratio = Math.exp(logprob - logprobs);
      const free = ratio * advantages;
      const clipped = clamp(ratio, config) * advantages;
      return { loss: -Math.min(free, clipped), coefficient: free <= clipped ? free : 0 };
    },
  },
  cispo: {
    inputs: policyInputs,
    // The service publishes none; these are ours.
    defaults: { clip_low_threshold: 0, clip_high_threshold: 4 },
    severalTargets: false,
    token(logprob, { logprobs, advantages }, config) {
      const coefficient = clamp(Math.exp(logprob - logprobs), config) * advantages;
      return { loss: -coefficient * logprob, coefficient };
    },
  },
  dro: {
    inputs: policyInputs,
    // The service's documentation has this as its example.
    defaults: { beta: 0.05 },
    severalTargets: false,
    token(logprob, { logprobs, advantages }, { beta = 0 }) {
      const drift = logprob - logprobs;
      return {
        loss: -(advantages * logprob - 0.5 * beta * drift * drift),
        coefficient: advantages - beta * drift,
      };
    },
  },
};

function clamp(
  ratio: number,
  { clip_low_threshold: low = 0, clip_high_threshold: high = Infinity }: Readonly<Record<string, number>>,
): number {
  return Math.min(Math.max(ratio, low), high);
}

export interface Loss {
  name: string;
  inputs: readonly InputName[];
  severalTargets: boolean;
  /** Sum of the loss over a row's targets, and the coefficient of each. */
  evaluate(row: TrainingRow, logprobs: Float32Array): { sum: number; coefficients: Float32Array };
}

/** What a loss reads and takes, for whoever checks a request before it gets here. */
export interface LossDescription {
  /** Inputs beside the targets; all are needed. */
  inputs: readonly InputName[];
  configKeys: readonly string[];
  /** Whether a position may have several targets. */
  severalTargets: boolean;
}

/** Undefined for a loss that is not one of ours. */
export function describeLoss(name: string): LossDescription | undefined {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined) return undefined;
  const { inputs, defaults, severalTargets } = rule;
  return { inputs, configKeys: Object.keys(defaults), severalTargets };
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
  return {
    name,
    inputs: rule.inputs,
    severalTargets: rule.severalTargets,
    evaluate(row, logprobs) {
      let sum = 0;
      const coefficients = new Float32Array(logprobs.length);
      for (const [slot, logprob] of logprobs.entries()) {
        const inputs = {
          weights: row.weights?.[slot] ?? 0,
          logprobs: row.logprobs?.[slot] ?? 0,
          advantages: row.advantages?.[slot] ?? 0,
        };
        const { loss, coefficient } = rule.token(logprob, inputs, settings);
        sum += loss;
        coefficients[slot] = coefficient;
      }
      return { sum, coefficients };
    },
  };
}
