/** Losses of SDK 0.38; all are sums over tokens and datums, never means. */
export const lossFns = [
  'cross_entropy',
  'importance_sampling',
  'ppo',
  'cispo',
  'dro',
  'gspo',
  'stable_reinforce',
  'custom',
] as const;

export type LossFn = (typeof lossFns)[number];

/** Options of a loss as they travel. Texts are for `custom` losses. */
export type LossFnConfig = Readonly<Record<string, number | string>>;

/** Bounds of the ratio itself, such as 0.8 and 1.2; the server's defaults when left out. */
export type ClipConfig = {
  clip_low_threshold?: number | undefined;
  clip_high_threshold?: number | undefined;
};

/** Keys that the service does not publish pass through. */
export interface OpenConfig {
  readonly [key: string]: number | string | undefined;
}

/** What each loss takes in `loss_fn_config`. */
export interface LossConfigs {
  cross_entropy: Readonly<Record<string, never>>;
  importance_sampling: Readonly<Record<string, never>>;
  ppo: ClipConfig;
  cispo: ClipConfig;
  gspo: ClipConfig;
  /** How strongly the policy is held to the sampler. */
  dro: OpenConfig & { beta?: number | undefined };
  stable_reinforce: OpenConfig & { kl_coeff?: number | undefined };
  /** The id that `createCustomLoss` gave, and whatever else the server takes. */
  custom: OpenConfig & { loss_id: string };
}

/** The loss of a call with its options, which only `custom` must have. */
export type LossChoice = {
  [Loss in LossFn]: { loss_fn: Loss } & (Loss extends 'custom'
    ? { loss_fn_config: LossConfigs[Loss] }
    : { loss_fn_config?: LossConfigs[Loss] | undefined });
}[LossFn];
