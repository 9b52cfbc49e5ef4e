/** Options of every call; what they mean for a call that waits for others is said there. */
export interface RequestOptions {
  /** Rejects the call with the signal's own reason. */
  signal?: AbortSignal | undefined;
  /** Deadline of the whole call; none by default where the server decides how long it takes. */
  timeoutMs?: number | undefined;
  /** Deadline of one HTTP attempt; 60 s by default. */
  requestTimeoutMs?: number | undefined;
  /** `false` sends the request once. */
  retry?: boolean | undefined;
  /** Sent besides our own. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Same key, same effect: the server performs the request once however often it arrives. */
  idempotencyKey?: string | undefined;
}

export const requestOptionNames: readonly (keyof RequestOptions)[] = [
  'signal',
  'timeoutMs',
  'requestTimeoutMs',
  'retry',
  'headers',
  'idempotencyKey',
];
