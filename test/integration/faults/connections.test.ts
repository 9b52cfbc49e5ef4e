import { acts } from '../../stories/acts/index.ts';
import { checkActs } from './check-acts.ts';

checkActs(acts.connections);
