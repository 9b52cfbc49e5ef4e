import { setup } from 'xstate';

/** The life of a REST client: its calls are plain requests, so all it has is an end. */
export const restMachine = setup({
  types: {
    events: {} as { type: 'close'; deadlineMs: number } | { type: 'session.lost'; error: Error },
    output: {} as { status: 'closed' },
    tags: {} as 'accepting',
  },
}).createMachine({
  id: 'rest',
  initial: 'open',
  states: {
    // A lost session is no concern of requests that need none.
    open: { tags: 'accepting', on: { close: 'closed', 'session.lost': {} } },
    closed: { type: 'final' },
  },
  output: { status: 'closed' },
});
