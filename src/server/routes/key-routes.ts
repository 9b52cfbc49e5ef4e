import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { givenKey, type Access } from '../authentication.ts';
import { HttpError } from '../errors.ts';
import { owner } from '../owner.ts';
import type { AuditLog } from '../services/audit-log.ts';

interface Services {
  access: Access;
  audit: AuditLog;
}

/** What a key is told about itself, and its end (wire-protocol 2.48). */
export const keyRoutes: FastifyPluginCallbackZod<Services> = (app, { access, audit }, done) => {
  app.get('/auth/apikey/me', { config: { credential: 'key' } }, ({ headers }) => {
    requireKey(headers);
    return {
      key_id: 1,
      name: owner.name,
      note: access.demandsOneKey
        ? 'The key that this server was started with'
        : 'This server takes any key that was not revoked',
      details: { org_details: { name: owner.organization }, user_details: { email: owner.email } },
    };
  });

  app.delete('/auth/apikey/me', { config: { credential: 'key' } }, async ({ headers }, reply) => {
    access.revoke(requireKey(headers));
    audit.record('apikey_revoked', {});
    return reply.status(204).send();
  });

  done();
};

function requireKey(headers: Readonly<Record<string, unknown>>): string {
  const key = givenKey(headers);
  if (key === '') throw new HttpError(401, 'Send the key in question in X-API-Key');
  return key;
}
