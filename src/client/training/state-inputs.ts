/** What the calls take that save a model's state and load it. */

export interface NamedInput {
  /** The checkpoint's name; it becomes the last part of its path. */
  name: string;
  /** Seconds until the server may delete it, from an hour (3600) to ten years; never by default. */
  ttl_seconds?: number | undefined;
}

export interface SaveStateInput extends NamedInput {
  /** Replace a checkpoint of the same name, its metadata included; otherwise that is a failure. */
  overwrite?: boolean | undefined;
  user_metadata?: Record<string, string> | undefined;
}

export type SaveForSamplerInput = Omit<SaveStateInput, 'overwrite'>;

export interface SaveExternalInput extends NamedInput {
  /** Public keys of age or SSH, at most ten: every file is encrypted for them, and its name ends in `.age`. */
  age_encryption_recipients?: readonly string[] | undefined;
}

export interface EphemeralSamplerInput {
  /**
   * `snapshot` (default): the sampler keeps these weights. `inflight`: it moves on with every later save of this kind, in the
   * middle of a generation too.
   */
  kind?: 'snapshot' | 'inflight' | undefined;
}

export interface LoadStateInput {
  /** A training checkpoint of the same base model and rank: `tinker://run/weights/name`. */
  path: string;
  /** Credential of the account that owns the weights, when it is another. */
  weights_access_token?: string | undefined;
}
