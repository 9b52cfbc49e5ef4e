import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TrainingRunService } from '../services/training-run-service.ts';
import { kindsKnownTo } from '../older-clients.ts';
import { pageOf, runParams } from './parameters.ts';

const runsQuery = pageOf(20).extend({ project_id: z.string().optional() });

/** Training runs: what was trained, here and before restarts (wire-protocol 2.21 to 2.23). */
export const trainingRunRoutes: FastifyPluginCallbackZod<{ trainingRuns: TrainingRunService }> = (
  app,
  { trainingRuns },
  done,
) => {
  app.get('/training_runs', { schema: { querystring: runsQuery } }, ({ query }) => {
    const { limit, offset, project_id } = query;
    const { runs, totalCount } = trainingRuns.list(limit, offset, project_id);
    return { training_runs: runs, cursor: { offset, limit, total_count: totalCount } };
  });

  app.get('/training_runs/:run', { schema: { params: runParams } }, ({ params }) =>
    trainingRuns.get(params.run),
  );

  app.get('/training_runs/:run/checkpoints', { schema: { params: runParams } }, ({ params, headers }) => ({
    checkpoints: trainingRuns.listCheckpoints(params.run, kindsKnownTo(headers['user-agent'])),
  }));

  done();
};
