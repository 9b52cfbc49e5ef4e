import { ApiError, UnprocessableEntityError } from '../../core/api-errors.ts';

/** Which form forward_backward bodies take. `auto` becomes `json` when a server turns out to know only that. */
export class WireFormat {
  #current: 'protobuf' | 'json';
  #settled: boolean;

  constructor(wanted: 'auto' | 'protobuf' | 'json') {
    this.#current = wanted === 'auto' ? 'protobuf' : wanted;
    this.#settled = wanted !== 'auto';
  }

  /** Sends in the current form. The first refusal that may be about the form is answered by one try in JSON. */
  async send<Value>(send: (format: 'protobuf' | 'json') => Promise<Value>): Promise<Value> {
    try {
      const value = await send(this.#current);
      this.#settled = true;
      return value;
    } catch (error) {
      if (this.#settled || !isAboutForm(error)) throw error;
      const value = await send('json').catch(() => undefined);
      if (value === undefined) throw error;
      this.#current = 'json';
      this.#settled = true;
      return value;
    }
  }
}

function isAboutForm(error: unknown): boolean {
  return error instanceof UnprocessableEntityError || (error instanceof ApiError && error.status === 415);
}
