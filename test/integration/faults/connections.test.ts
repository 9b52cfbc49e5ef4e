import { cutConnections } from '../../stories/acts/cut-connections.ts';
import { deadServer } from '../../stories/acts/dead-server.ts';
import { malformedReplies } from '../../stories/acts/malformed-replies.ts';
import { sessionElsewhere } from '../../stories/acts/session-elsewhere.ts';
import { checkActs } from './check-acts.ts';

checkActs(cutConnections, deadServer, malformedReplies, sessionElsewhere);
