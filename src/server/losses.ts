import { HttpError, unsupported } from './errors.ts';

interface LossRules {
  /** Inputs beside `target_tokens`; all are needed. */
  inputs: readonly ('weights' | 'logprobs' | 'advantages')[];
  /** Options, all numbers. */
  config: readonly string[];
  /** Whether a position may have several targets, `[N, K]`. */
  takesSeveralTargets: boolean;
}

const policyInputs = { inputs: ['logprobs', 'advantages'], takesSeveralTargets: false } as const;
const clipping = ['clip_low_threshold', 'clip_high_threshold'] as const;

/** The losses that the engine computes (wire-protocol 3.4), and what each reads. */
const lossRules: Readonly<Record<string, LossRules>> = {
  cross_entropy: { inputs: ['weights'], config: [], takesSeveralTargets: true },
  importance_sampling: { ...policyInputs, config: [] },
  ppo: { ...policyInputs, config: clipping },
  cispo: { ...policyInputs, config: clipping },
  dro: { ...policyInputs, config: ['beta'] },
};

export function findLossRules(loss: string): LossRules {
  const rules = Object.hasOwn(lossRules, loss) ? lossRules[loss] : undefined;
  if (rules === undefined) throw unsupported(`The loss ${loss || '(none given)'}`);
  return rules;
}

/** The options of a loss as numbers; unknown ones and texts are refused by name. */
export function checkLossConfig(
  loss: string,
  config: Readonly<Record<string, number | string>>,
): Record<string, number> {
  const { config: known } = findLossRules(loss);
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      if (!known.includes(key)) {
        const hint = known.length === 0 ? 'it has no options' : `it has ${known.join(', ')}`;
        throw new HttpError(422, `loss_fn_config.${key}: the loss ${loss} has no such option; ${hint}`);
      }
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        throw new HttpError(422, `loss_fn_config.${key} must be a finite number`);
      }
      return [key, value];
    }),
  );
}
