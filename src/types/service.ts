import { z } from 'zod';

/** Flags that the server chooses; a missing one takes its default, unknown ones are ignored. */
export const clientConfigSchema = z.object({
  pjwt_auth_enabled: z.boolean().default(false),
  credential_default_source: z.string().default('api_key'),
  sample_dispatch_bytes_semaphore_size: z.int().default(10_485_760),
  inflight_response_bytes_semaphore_size: z.int().default(52_428_800),
  parallel_fwdbwd_chunks: z.boolean().default(true),
  proto_compress_fwdbwd: z.boolean().default(false),
  fwdbwd_max_chunk_len: z.int().min(1).default(1024),
  fwdbwd_max_chunk_bytes_count: z.int().min(1).default(5_000_000),
  fwdbwd_dispatch_bytes_semaphore_size: z.int().default(50_000_000),
  billing_exception_max_pause_duration_sec: z.number().default(3600),
  sample_no_retries: z.boolean().default(false),
  sample_enable_stuck_detection: z.boolean().default(true),
  sample_max_concurrent_requests: z.int().min(1).default(2000),
  sample_use_retrieve_futures: z.boolean().default(false),
  sample_join_sampling_session: z.boolean().default(false),
  /** Losses of callers are run by the server (create_custom_loss). */
  custom_loss_server_side: z.boolean().default(false),
  /** False on servers that load a state only into a model they have; others need not say. */
  create_model_via_load_weights: z.boolean().nullish(),
});
export type ClientConfig = z.output<typeof clientConfigSchema>;

/** Flags that may change while a service is open; asked for again every `refresh_interval_sec`, though not within 10 s. */
export const dynamicConfigSchema = z.object({
  refresh_interval_sec: z.number().default(300),
  sample_cancel_enabled: z.boolean().default(false),
  sample_cancel_max_batch_size: z.int().min(1).default(64),
});
export type DynamicConfig = z.output<typeof dynamicConfigSchema>;

export const handshakeRequestSchema = z.object({ sdk_version: z.string().nullish() });

export const healthResponseSchema = z.object({ status: z.string() });
/** `date` is the server's clock, as HTTP writes it; null where it does not tell. */
export type ServerHealth = z.output<typeof healthResponseSchema> & { date: string | null };

const supportedModelSchema = z.object({
  model_name: z.string().nullish(),
  max_context_length: z.int().nullish(),
  trainable: z.boolean().nullish(),
  sampleable: z.boolean().nullish(),
});

export const serverCapabilitiesSchema = z.object({ supported_models: z.array(supportedModelSchema) });
export type ServerCapabilities = z.output<typeof serverCapabilitiesSchema>;
