import { closedClients, closedServices } from '../../stories/acts/closes.ts';
import { checkActs } from './check-acts.ts';

checkActs(closedClients, closedServices);
