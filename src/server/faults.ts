/** Something to go wrong, as data. */
export interface Fault {
  /** A route as `requests` records it (`/api/v1/training_runs/:run`), or the path of one request. */
  route: string;
  /** Any method by default. */
  method?: string | undefined;
  /** The first matching request that it strikes, counted from 1 since the fault was added. Default 1. */
  nth?: number | undefined;
  /** How many matching requests in a row it strikes. Default 1; `Infinity` for all that follow. */
  count?: number | undefined;
  effect: FaultEffect;
}

export type FaultEffect =
  /** Answers in place of the route, which never sees the request. */
  | { kind: 'reply'; status: number; headers?: Readonly<Record<string, string>> | undefined; body?: unknown }
  /** Waits on the server's clock, then goes on. */
  | { kind: 'delay'; delayMs: number }
  /**
   * Without `afterBytes` the connection breaks before the request is handled. With it the request is handled, and its
   * answer breaks after that many bytes of the body; after 0 nothing of it arrives.
   */
  | { kind: 'cut'; afterBytes?: number | undefined }
  /** Answers 200 with bytes that are no answer of the API, in place of the route. */
  | { kind: 'garbage'; contentType?: string | undefined; body?: string | undefined };

interface Armed {
  fault: Fault;
  seenCount: number;
}

/** What the tests of a client set up. */
export interface Faults {
  add(...faults: readonly Fault[]): void;
  clear(): void;
}

/** The faults of one server. */
export class FaultList implements Faults {
  #armed: Armed[];

  constructor(faults: readonly Fault[]) {
    this.#armed = faults.map((fault) => ({ fault, seenCount: 0 }));
  }

  add(...faults: readonly Fault[]): void {
    this.#armed.push(...faults.map((fault) => ({ fault, seenCount: 0 })));
  }

  clear(): void {
    this.#armed = [];
  }

  /** Counts a request for every fault that matches it; answers the effects that strike it, in the order of adding. */
  strike(request: { method: string; route: string; path: string }): FaultEffect[] {
    return this.#armed.flatMap((armed) => {
      const { route, method, nth = 1, count = 1, effect } = armed.fault;
      if (route !== request.route && route !== request.path) return [];
      if (method !== undefined && method !== request.method) return [];
      armed.seenCount += 1;
      return armed.seenCount >= nth && armed.seenCount < nth + count ? [effect] : [];
    });
  }
}
