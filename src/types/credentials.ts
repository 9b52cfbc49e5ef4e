import { z } from 'zod';

/** `~/.tinker/credentials.json`, which the official `tinker auth login` writes (wire-protocol 1.2). */
export const storedCredentialsSchema = z.object({
  version: z.literal(1),
  /** The id of the key to use. */
  default: z.string().nullish(),
  keys: z.record(z.string(), z.object({ key: z.string().min(1) })),
});

export const authTokenResponseSchema = z.object({ jwt: z.string().min(1) });

/** Seconds since the epoch, as a number or its digits; whatever else stands there counts as missing. */
const seconds = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number),
  ])
  .optional()
  .catch(undefined);

/** The claims that clients read. They are the server's word about its own token, so nothing is verified. */
export const jwtClaimsSchema = z.object({
  exp: seconds,
  iat: seconds,
  sub: z.string().optional().catch(undefined),
  org_id: z.string().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
});
export type JwtClaims = z.output<typeof jwtClaimsSchema>;
