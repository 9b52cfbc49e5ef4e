/** Text that no inspection, log or JSON shows; only `reveal` gives it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }
}

/** Empty text counts as none. */
export function toSecret(text: string | undefined): Secret | undefined {
  return text ? new Secret(text) : undefined;
}
