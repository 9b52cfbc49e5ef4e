/** Input that the engine refuses (`user`: the caller's to mend), or a failure of its own (`server`). */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly category: 'user' | 'server';

  constructor(category: 'user' | 'server', message: string, options?: ErrorOptions) {
    super(message, options);
    this.category = category;
  }
}
