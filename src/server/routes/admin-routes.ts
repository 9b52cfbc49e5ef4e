import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { auditEventTypes } from '../../types/administration.ts';
import type { AuditLog } from '../services/audit-log.ts';
import type { BillingService } from '../services/billing-service.ts';

interface Services {
  audit: AuditLog;
  billing: BillingService;
}

/** RFC 3339, where no offset means UTC; read into milliseconds. */
const time = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/i,
    'expected an RFC 3339 time',
  )
  .transform((text) => Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/i.test(text) ? text : `${text}Z`))
  .refine((value) => !Number.isNaN(value), 'expected an RFC 3339 time');

const usageQuery = z.object({ starting_on: time, ending_before: time });
const storageQuery = z.object({ project_id: z.string().optional() });
const auditQuery = z.object({
  event_type: z.enum(auditEventTypes).default('all'),
  day: z.iso.date().optional(),
});

/** What was done and what was used, for whoever runs the place (wire-protocol 2.35, 2.36, 2.47). */
export const adminRoutes: FastifyPluginCallbackZod<Services> = (app, { audit, billing }, done) => {
  app.get('/audit', { schema: { querystring: auditQuery } }, ({ query }) => ({
    entries: audit.list(query.event_type, query.day),
  }));

  app.get('/billing/usage/events', { schema: { querystring: usageQuery } }, ({ query }) =>
    billing.usage(query.starting_on, query.ending_before),
  );

  app.get('/billing/usage/checkpoints/current', { schema: { querystring: storageQuery } }, ({ query }) =>
    billing.storage(query.project_id),
  );

  done();
};
