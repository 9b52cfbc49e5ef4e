/** How a port answers a machine: expected failures are values, so that an actor's error status means a bug. */
export type Outcome<Value> = { kind: 'ok'; value: Value } | { kind: 'failed'; error: Error };
