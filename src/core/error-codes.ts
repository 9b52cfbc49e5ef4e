/** Whose concern an error is: the caller's input, the server, the way to it, the caller's own cancelling, or a bug of ours. */
export type ErrorCategory = 'user' | 'server' | 'network' | 'cancelled' | 'internal';

interface ErrorCodeFacts {
  category: ErrorCategory;
  /** Whether the same call may succeed when it is simply made again later. */
  retryable: boolean;
  /** What a person can do about it, in one sentence. */
  hint: string;
}

/** Every code an error of this package can carry. docs/errors.md has a paragraph for each (a test compares). */
export const errorCodes = {
  invalid_argument: {
    category: 'user',
    retryable: false,
    hint: 'Correct the argument that the message names.',
  },
  missing_api_key: {
    category: 'user',
    retryable: false,
    hint: 'Pass apiKey or set TINKER_API_KEY; or start `tinker-ts serve` and set TINKER_BASE_URL to its URL.',
  },
  invalid_api_key: {
    category: 'user',
    retryable: false,
    hint: 'A Tinker key begins with tml- (or eyJ for a JWT).',
  },
  credential_unavailable: {
    category: 'user',
    retryable: false,
    hint: 'Run the credential command by hand to see what it says, or mend the file that the message names.',
  },
  bad_request: {
    category: 'user',
    retryable: false,
    hint: 'The server refused the request: see its detail.',
  },
  authentication: {
    category: 'user',
    retryable: false,
    hint: 'Check the API key; `tinker-ts` reads TINKER_API_KEY.',
  },
  billing: { category: 'user', retryable: true, hint: 'Check that billing is set up for your account.' },
  permission_denied: {
    category: 'user',
    retryable: false,
    hint: 'Ask the owner for access, or use another key.',
  },
  not_found: {
    category: 'user',
    retryable: false,
    hint: 'Check the id or path; it may have expired or been deleted.',
  },
  conflict: {
    category: 'user',
    retryable: false,
    hint: 'Something of that name exists: choose another, or overwrite.',
  },
  gone: {
    category: 'server',
    retryable: false,
    hint: 'What the request belongs to has ended on the server, most likely its session: connect a new service and continue from the last saved state.',
  },
  unprocessable: {
    category: 'user',
    retryable: false,
    hint: 'The server refused a field of the request: see its detail.',
  },
  rate_limited: {
    category: 'server',
    retryable: true,
    hint: 'Wait a moment, or send fewer requests at once.',
  },
  server_error: { category: 'server', retryable: true, hint: 'The server failed; try again later.' },
  api_status: {
    category: 'server',
    retryable: false,
    hint: 'The server answered with a status this client does not expect.',
  },
  connection: {
    category: 'network',
    retryable: true,
    hint: 'Check that the server runs and the base URL is right.',
  },
  timeout: {
    category: 'network',
    retryable: true,
    hint: 'Allow more time with timeoutMs, or check the connection.',
  },
  invalid_response: {
    category: 'server',
    retryable: false,
    hint: 'The answer is not of the Tinker API: check the base URL.',
  },
  request_failed: {
    category: 'server',
    retryable: false,
    hint: 'The server accepted the operation and then failed it: see the message.',
  },
  future_expired: {
    category: 'server',
    retryable: false,
    hint: 'The result is lost (the server restarted or waited too long): make the call again, unless the message says that it may have taken effect.',
  },
  custom_loss_failed: {
    category: 'user',
    retryable: false,
    hint: 'Correct the loss function: see the message, and the cause where it threw.',
  },
  session_lost: {
    category: 'server',
    retryable: false,
    hint: 'Connect a new service and continue from the last saved state.',
  },
  client_closed: { category: 'user', retryable: false, hint: 'The client was closed: create another one.' },
  cancelled: { category: 'cancelled', retryable: false, hint: 'The call was cancelled by your program.' },
  destination_exists: {
    category: 'user',
    retryable: false,
    hint: 'Pass force to replace it, or choose another output folder.',
  },
  archive_pending: {
    category: 'server',
    retryable: true,
    hint: 'The server still builds the archive: try again in a minute.',
  },
  not_downloadable: {
    category: 'server',
    retryable: false,
    hint: 'Download the training state (weights/…) of the same step, or an export that saveWeightsExternal made.',
  },
  decryption_failed: {
    category: 'user',
    retryable: false,
    hint: 'Pass the identity that belongs to one of the recipients of the export.',
  },
  checksum_mismatch: {
    category: 'network',
    retryable: true,
    hint: 'The file arrived damaged: download it again.',
  },
  unsafe_archive: {
    category: 'server',
    retryable: false,
    hint: "Do not use this archive; nothing outside the download's own folder was written.",
  },
  corrupt_archive: {
    category: 'network',
    retryable: true,
    hint: 'The archive is incomplete or damaged: download it again.',
  },
  disk_full: {
    category: 'user',
    retryable: false,
    hint: 'Free disk space, then run the download again: it resumes.',
  },
  file_access: {
    category: 'user',
    retryable: false,
    hint: 'Correct what the message names (the path, its permissions, a limit of the system) and try again; a download resumes.',
  },
  internal: {
    category: 'internal',
    retryable: false,
    hint: 'This is a bug of tinker-ts: please report it with the message.',
  },
} as const satisfies Record<string, ErrorCodeFacts>;

export type ErrorCode = keyof typeof errorCodes;
