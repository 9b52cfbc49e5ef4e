import { abortedOthers, abortedSampling, abortedTraining } from '../../stories/acts/aborts.ts';
import { checkActs } from './check-acts.ts';

checkActs(abortedTraining, abortedSampling, abortedOthers);
