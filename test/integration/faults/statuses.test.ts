import { billing, lostResults } from '../../stories/acts/lost-results.ts';
import { rateLimits } from '../../stories/acts/rate-limits.ts';
import { serverErrors, timeouts } from '../../stories/acts/server-errors.ts';
import { checkActs } from './check-acts.ts';

checkActs(rateLimits, serverErrors, timeouts, lostResults, billing);
