import { forwardBackwardJson } from './wire-client.ts';

/** A request that would be right, to be spoilt. `:session`, `:run` and so on stand for ids that exist. */
export interface Target {
  method: string;
  path: string;
  query?: Record<string, string>;
  body?: unknown;
}

const lora_config = { rank: 2, seed: 1, train_mlp: true };
const prompt = { chunks: [{ type: 'encoded_text', tokens: [1, 2] }] };
const checkpoint = '/training_runs/:run/checkpoints/weights/w';

/** Every endpoint. */
export const targets: Target[] = [
  { method: 'POST', path: '/client/config', body: { sdk_version: '0.38.0' } },
  { method: 'POST', path: '/client/dynamic_config', body: { sdk_version: '0.38.0' } },
  { method: 'POST', path: '/auth/token', body: {} },
  {
    method: 'POST',
    path: '/create_session',
    body: { tags: ['a'], user_metadata: { a: 1 }, display_name: 'n' },
  },
  { method: 'POST', path: '/session_heartbeat', body: { session_id: ':session' } },
  { method: 'POST', path: '/telemetry', body: { events: [], session_id: ':session', platform: 'x' } },
  { method: 'GET', path: '/get_server_capabilities' },
  { method: 'GET', path: '/healthz' },
  {
    method: 'POST',
    path: '/create_model',
    body: {
      session_id: ':session',
      model_seq_id: 1,
      base_model: 'local/random',
      lora_config,
      user_metadata: {},
    },
  },
  { method: 'POST', path: '/get_info', body: { model_id: ':run' } },
  { method: 'POST', path: '/unload_model', body: { model_id: 'nobody:train:0' } },
  { method: 'POST', path: '/forward', body: { model_id: ':run', seq_id: 9, forward_input: { data: [] } } },
  { method: 'POST', path: '/forward_backward', body: forwardBackwardJson(':run', 9) },
  { method: 'POST', path: '/optim_step', body: { model_id: ':run', seq_id: 9, adam_params: { beta1: 0.9 } } },
  {
    method: 'POST',
    path: '/save_weights',
    body: { model_id: ':run', path: 'x', seq_id: 9, ttl_seconds: 3600, user_metadata: { a: 'b' } },
  },
  {
    method: 'POST',
    path: '/save_weights_for_sampler',
    body: { model_id: ':run', path: 'x', kind: 'snapshot', seq_id: 9, ttl_seconds: 3600 },
  },
  {
    method: 'POST',
    path: '/save_weights_external',
    body: { model_id: ':run', path: 'x', seq_id: 9, ttl_seconds: 3600, age_encryption_recipients: [] },
  },
  {
    method: 'POST',
    path: '/load_weights',
    body: { model_id: ':run', seq_id: 9, path: ':path', optimizer: true },
  },
  {
    method: 'POST',
    path: '/load_weights',
    body: {
      session_id: ':session',
      model_seq_id: 5,
      path: ':path',
      optimizer: false,
      base_model: 'local/random',
    },
  },
  {
    method: 'POST',
    path: '/create_sampling_session',
    body: {
      session_id: ':session',
      sampling_session_seq_id: 4,
      model_path: ':path',
      base_model: 'local/random',
    },
  },
  {
    method: 'POST',
    path: '/asample',
    body: {
      sampling_session_id: ':sampler',
      seq_id: 7,
      num_samples: 1,
      prompt,
      sampling_params: { max_tokens: 2, seed: 1, stop: ['x'], temperature: 1, top_k: -1, top_p: 1 },
    },
  },
  { method: 'POST', path: '/retrieve_future', body: { request_id: ':future', allow_metadata_only: true } },
  {
    method: 'POST',
    path: '/retrieve_futures',
    body: {
      target: { type: 'sampling_session', sampling_session_id: ':sampler', cloned_sampler_id: 0 },
      prev_cursor: 0,
      timeout: 0,
      retrieved_request_ids: [':future'],
    },
  },
  { method: 'POST', path: '/cancel_future', body: { request_id: ':future' } },
  { method: 'POST', path: '/join_sampling_session', body: { sampling_session_id: ':sampler' } },
  {
    method: 'POST',
    path: '/create_custom_loss',
    body: {
      session_id: ':session',
      custom_loss_seq_id: 0,
      name: 'n',
      inputs: [],
      graph: { format: 1, nodes: [] },
    },
  },
  { method: 'GET', path: `${checkpoint}/archive` },
  { method: 'GET', path: '/archives/:run/weights/w', query: { expires: '1', signature: 'x' } },
  { method: 'GET', path: '/training_runs', query: { limit: '5', offset: '0', project_id: 'p' } },
  { method: 'GET', path: '/training_runs/:run', query: { access_scope: 'owned' } },
  { method: 'GET', path: '/training_runs/:run/checkpoints' },
  { method: 'DELETE', path: '/training_runs/:run/checkpoints/weights/none' },
  { method: 'POST', path: `${checkpoint}/publish` },
  { method: 'DELETE', path: `${checkpoint}/publish` },
  { method: 'PUT', path: `${checkpoint}/ttl`, body: { ttl_seconds: 7200 } },
  { method: 'GET', path: '/checkpoints', query: { limit: '5', offset: '0' } },
  { method: 'POST', path: '/weights_info', body: { tinker_path: ':path' } },
  { method: 'GET', path: '/sessions', query: { limit: '5', offset: '0' } },
  { method: 'GET', path: '/sessions/:session' },
  { method: 'PUT', path: '/sessions/:session/project', body: { project_id: 'p' } },
  { method: 'GET', path: '/sessions/:session/trace_export' },
  { method: 'GET', path: '/traces/:session.pftrace', query: { expires: '1', signature: 'x' } },
  { method: 'GET', path: '/samplers/:sampler' },
  { method: 'GET', path: '/audit', query: { day: '2026-01-01', event_type: 'all' } },
  {
    method: 'GET',
    path: '/billing/usage/events',
    query: { starting_on: '2026-01-01T00:00:00Z', ending_before: '2026-01-02T00:00:00+01:00' },
  },
  { method: 'GET', path: '/billing/usage/checkpoints/current', query: { project_id: 'p' } },
  {
    method: 'POST',
    path: '/copy_weights',
    body: { destination_project_id: 'p', source_path: ':path', ttl_seconds: 3600, weights_access_token: 't' },
  },
  { method: 'GET', path: '/training_runs/:run/checkpoints/external_weights/e/external_weights_urls' },
  {
    method: 'GET',
    path: '/external_weights/:run/e/adapter_config.json',
    query: { expires: '1', signature: 'x' },
  },
  {
    method: 'POST',
    path: '/external_weights_upload_start',
    body: { base_model: 'local/random', lora_config, destination_project_id: 'p' },
  },
  { method: 'POST', path: '/external_weights_upload_finish', body: { upload_id: 'u' } },
  {
    method: 'PUT',
    path: '/external_weights_uploads/u/adapter_config.json',
    query: { expires: '1', signature: 'x' },
    body: {},
  },
  {
    method: 'POST',
    path: '/sessions/search',
    body: {
      user_metadata: { a: 'b' },
      owner: { type: 'own' },
      statuses: [{ type: 'active' }],
      limit: 5,
      cursor: null,
    },
  },
  { method: 'POST', path: '/sessions/nobody/finish', body: { reason: { type: 'success' }, detail: null } },
  { method: 'GET', path: '/auth/apikey/me' },
];
