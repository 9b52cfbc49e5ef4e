import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { AccessTokens } from '../access-tokens.ts';

/** Gives tokens for the key; there only when the server was started with that exchange. */
export const tokenRoutes: FastifyPluginCallbackZod<{ tokens: AccessTokens }> = (app, { tokens }, done) => {
  app.post('/auth/token', { config: { credential: 'key' } }, () => ({ jwt: tokens.issue() }));
  done();
};
