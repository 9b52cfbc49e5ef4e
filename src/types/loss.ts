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

/** Options of a loss, such as `clip_low_threshold`. Texts are for `custom` losses (`loss_id`). */
export type LossFnConfig = Readonly<Record<string, number | string>>;
