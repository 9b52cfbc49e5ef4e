export { ServiceClient, type ServiceCloseOptions } from './client/service-client.ts';
export type { ServiceOptions } from './client/service-options.ts';
export type {
  FromStateInput,
  LoraTrainingClientInput,
  SamplerSource,
  SamplingClientInput,
} from './client/create-model.ts';
export { TrainingClient } from './client/training-client.ts';
export type {
  EphemeralSamplerInput,
  LoadStateInput,
  SaveExternalInput,
  SaveForSamplerInput,
  SaveStateInput,
} from './client/training/state-inputs.ts';
export { SamplingClient } from './client/sampling-client.ts';
export { RestClient } from './client/rest-client.ts';
export type { CopyWeightsInput, ListOptions, ScopeOptions } from './client/rest/inputs.ts';
export type { RunListInput } from './client/rest/lists.ts';
export { AdminClient, type AuditLogInput, type BillingUsageInput } from './client/admin-client.ts';
export { DownloadManager } from './client/downloads/download-manager.ts';
export { CheckpointDownload } from './client/downloads/checkpoint-download.ts';
export { DownloadBatch } from './client/downloads/download-batch.ts';
export type { ApiFuture, FutureStatus } from './client/api-future.ts';
export type { Page, PagePromise } from './client/page.ts';
export type { ChatMessage, Tokenizer } from './client/tokenizers.ts';
export { differentiatedLoss, type Autodiff } from './client/training/differentiated-loss.ts';
export {
  modelInput,
  sampledDatum,
  supervisedDatum,
  type SampledExample,
  type SupervisedExample,
} from './client/data.ts';

export {
  CancelledError,
  ClientClosedError,
  ConnectionError,
  DownloadError,
  FutureExpiredError,
  InternalError,
  InvalidArgumentError,
  InvalidResponseError,
  RequestFailedError,
  SessionLostError,
  TimeoutError,
  TinkerError,
  type DownloadErrorCode,
} from './core/errors.ts';
export {
  ApiError,
  AuthenticationError,
  BadRequestError,
  BillingError,
  ConflictError,
  GoneError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from './core/api-errors.ts';
export { consoleUrls } from './core/console-urls.ts';
export { errorCodes, type ErrorCategory, type ErrorCode } from './core/error-codes.ts';
export type { EventOf, EventSource, EventsDropped, ListenOptions, StreamOptions } from './core/emitter.ts';
export type { Random } from './core/random.ts';
export { createLogger, stderrLogger, type Logger, type LogLevel } from './core/logger.ts';
export type { Clock } from './core/clock.ts';
export { parseTinkerPath, toTinkerPath, type TinkerPath } from './core/tinker-path.ts';
export { toNumbers } from './core/tensors.ts';
export { topkRow, type TopkPair } from './core/topk.ts';
export { packageVersion } from './core/version.ts';

export type {
  AuditEventType,
  AuditLogEntry,
  AuditLogResponse,
  BillingUsageEvent,
  BillingUsageResponse,
  CheckpointStorageUsageResponse,
} from './types/administration.ts';
export type {
  ArchiveUrlResponse,
  Checkpoint,
  CheckpointType,
  Cursor,
  ExternalWeightsUrlsResponse,
} from './types/checkpoints.ts';
export type { CloseOptions } from './types/client-life.ts';
export type { SelfApiKeyResponse, WhoamiResponse } from './types/credentials.ts';
export type {
  CustomLoss,
  CustomLossInput,
  CustomLossValue,
  TracedLoss,
  UploadedLoss,
} from './types/custom-loss.ts';
export type { Datum, ProvenanceSpan } from './types/datum.ts';
export type {
  ArchiveLimits,
  BatchItem,
  CancelDownloadOptions,
  DownloadAllOptions,
  DownloadedFile,
  DownloadEvents,
  DownloadManagerEvents,
  DownloadOptions,
  DownloadProgress,
  DownloadResult,
  DownloadSourceKind,
  DownloadState,
  FolderProblem,
  FolderReport,
  SourceChoice,
} from './types/downloads.ts';
export type {
  ClientEvents,
  ClientKind,
  DeprecationNoted,
  QueueChanged,
  RetryScheduled,
  SamplingEvents,
  ServerMessage,
  ServiceEvents,
  ServiceStatus,
  TrainingEvents,
} from './types/events.ts';
export type { QueueState } from './types/futures.ts';
export type { ClipConfig, LossChoice, LossConfigs, LossFn, OpenConfig } from './types/loss.ts';
export type { ModelInput, ModelInputChunk, Tokens } from './types/model-input.ts';
export type { RequestOptions } from './types/options.ts';
export type { AccessScope, TrainingRun } from './types/runs.ts';
export type {
  PromptAltTokens,
  SampledSequence,
  SampleInput,
  SampleResponse,
  SamplingParams,
  TopkLogprobs,
} from './types/sampling.ts';
export type { ServerCapabilities, ServerHealth } from './types/service.ts';
export type { SessionSearchInput, SessionSummary } from './types/session-search.ts';
export type { FinishReason, GetSessionResponse } from './types/sessions.ts';
export type { SparseRows, TensorData, TensorDtype, TensorInput } from './types/tensor.ts';
export type {
  AdamParamsInput,
  DimuonParamsInput,
  ForwardBackwardCustomInput,
  ForwardBackwardInput,
  ForwardBackwardOutput,
  GetInfoResponse,
  OptimizerConfig,
  OptimizerConfigInput,
  OptimParamsInput,
  OptimStepResponse,
} from './types/training.ts';
export type {
  CopyWeightsResponse,
  ExternalWeightsUploadInput,
  ExternalWeightsUploadStartResponse,
  LoadWeightsResponse,
  SaveWeightsExternalResponse,
  SaveWeightsResponse,
  WeightsInfoResponse,
} from './types/weights.ts';
