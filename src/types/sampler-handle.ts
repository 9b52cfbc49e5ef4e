import { z } from 'zod';
import { clientConfigSchema, dynamicConfigSchema } from './service.ts';

/** What a handle holds, as the official SDK writes it (wire-protocol 7.6). Never a credential. */
export const samplerHandleSchema = z.object({
  session_id: z.string().min(1),
  sampling_session_id: z.string().min(1),
  holder: z.object({
    base_url: z.string(),
    default_headers_overrides: z.record(z.string(), z.string()).default({}),
    client_config: clientConfigSchema.loose(),
    client_dynamic_config: dynamicConfigSchema.loose(),
    api_key: z.null().default(null),
  }),
  base_model: z.string().nullish(),
  record_stability_info: z.boolean().default(false),
});

export type SamplerHandle = z.output<typeof samplerHandleSchema>;
