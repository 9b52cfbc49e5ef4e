import type { Act } from '../story.ts';
import { abortedOthers, abortedSampling, abortedTraining } from './aborts.ts';
import { closedClients, closedServices } from './closes.ts';
import { customLosses } from './custom-losses.ts';
import { cutConnections } from './cut-connections.ts';
import { deadServer } from './dead-server.ts';
import { billing, lostResults } from './lost-results.ts';
import { malformedReplies } from './malformed-replies.ts';
import { rateLimits } from './rate-limits.ts';
import { serverErrors, timeouts } from './server-errors.ts';
import { sessionElsewhere } from './session-elsewhere.ts';

/** By which kind of test file: a status, the connection, the caller's own signal, closing. */
export const acts = {
  statuses: [rateLimits, serverErrors, timeouts, lostResults, billing, customLosses],
  connections: [cutConnections, deadServer, malformedReplies, sessionElsewhere],
  aborts: [abortedTraining, abortedSampling, abortedOthers],
  closes: [closedClients, closedServices],
} satisfies Record<string, readonly Act[]>;
