export interface CloseOptions {
  /** How long what is under way may take to finish; 30 s by default. Then it fails. */
  deadlineMs?: number | undefined;
}

/** Whether a client takes work, and its end. */
export interface ClientLife {
  readonly isOpen: boolean;
  /** Why it ended, when it was not simply closed: later calls fail with the same error. */
  readonly failure?: Error | undefined;
  /** Resolves when the client has ended; a second call gives the same promise. */
  close(options?: CloseOptions): Promise<void>;
}
