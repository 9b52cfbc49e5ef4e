import { z } from 'zod';

const storedKeySchema = z.looseObject({
  /** `manual` was pasted, `generated` was made by an older program and may be revoked with it. */
  type: z.string().optional(),
  key: z.string().min(1),
  name: z.string().optional(),
});

/** `~/.tinker/credentials.json`, which the official `tinker auth login` writes (wire-protocol 1.2). */
export const storedCredentialsSchema = z.looseObject({
  version: z.literal(1),
  /** The id of the key to use. */
  default: z.string().nullish(),
  keys: z.record(z.string(), storedKeySchema),
});
export type StoredCredentials = z.output<typeof storedCredentialsSchema>;

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
  iss: z.string().optional().catch(undefined),
  sub: z.string().optional().catch(undefined),
  org_id: z.string().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
});
export type JwtClaims = z.output<typeof jwtClaimsSchema>;

/** Who the caller is: the principal's URN, that of its organization, and its e-mail where it has one. */
export interface WhoamiResponse {
  user_urn: string;
  org_urn: string;
  email: string | null;
}

/** What the server knows of the key itself. */
export const selfApiKeyResponseSchema = z.object({
  key_id: z.int(),
  name: z.string(),
  note: z.string(),
  details: z.object({
    org_details: z.object({ name: z.string() }),
    user_details: z.object({ email: z.string() }),
  }),
});
export type SelfApiKeyResponse = z.output<typeof selfApiKeyResponseSchema>;
