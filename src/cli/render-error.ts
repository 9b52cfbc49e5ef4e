import { ApiError } from '../core/api-errors.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { TinkerError } from '../core/errors.ts';
import { serializeError, type SerializedError } from '../core/serialize-error.ts';
import { causesOf } from '../core/thrown.ts';
import { isJson, type OutputFormat } from './context.ts';
import { CommandError, UsageError } from './errors.ts';
import { withoutControlCharacters } from './format-values.ts';
import { toJsonText } from './json-text.ts';

/** Where the SDK's advice speaks of options of a call, what a person at the command line does instead. */
const hints: Partial<Record<ErrorCode, string>> = {
  missing_api_key:
    'Set TINKER_API_KEY or run `tinker-ts auth login`; a server of your own needs TINKER_BASE_URL too.',
  invalid_argument: 'Correct it and run the command again; --help explains each argument.',
  unprocessable: 'Correct it and run the command again; --help explains each argument.',
  bad_request: 'Correct it and run the command again; --help explains each argument.',
  not_found: 'Check the name, id or path: `model list`, `run list` and `checkpoint list` show what there is.',
  authentication: 'Check TINKER_API_KEY: the server does not take it.',
  timeout: 'Check the connection, or try again later.',
  connection: 'Check that the server runs and TINKER_BASE_URL is right.',
  invalid_response: 'The answer is not of the Tinker API: check TINKER_BASE_URL.',
  decryption_failed: 'Pass --identity with the key file of one of the recipients of the export.',
  destination_exists: 'Pass --force to replace it, or choose another folder with --output.',
};

export interface ErrorStyle {
  format: OutputFormat;
  /** Show what caused it, and the stack of a bug of ours. */
  verbose: boolean;
}

/** An error for standard error: two lines for people, the serialised error for programs. */
export function renderError(error: unknown, { format, verbose }: ErrorStyle): string {
  if (isJson(format)) return toJsonText(toErrorJson(error), format);
  const { category, hint } = toErrorJson(error);
  const what = describeError(error);
  const lines = [category === 'cancelled' ? what : `Error: ${what}`, hint];
  const isBug = !TinkerError.isInstance(error) || error.code === 'internal';
  if (verbose) lines.push(...describeRequest(error, what), ...describeCauses(error));
  if (isBug && verbose && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return lines.join('\n');
}

/** What the first line left out: the request that the server refused, and its id. */
function describeRequest(error: unknown, what: string): string[] {
  if (!(error instanceof ApiError)) return [];
  const message = withoutControlCharacters(error.message);
  return [
    ...(message === what ? [] : [`In full: ${message}`]),
    ...(error.requestId === undefined ? [] : [`Request id: ${withoutControlCharacters(error.requestId)}`]),
  ];
}

/** What led to it, the nearest first. */
function describeCauses(error: unknown): string[] {
  const [, ...causes] = causesOf(error);
  return causes.slice(0, 10).map((cause) => {
    const code = 'code' in cause ? ` (${String(cause.code)})` : '';
    return `Caused by: ${withoutControlCharacters(`${cause.name}: ${cause.message}`)}${code}`;
  });
}

/** The serialised error, with advice for the command line. */
export function toErrorJson(error: unknown): SerializedError {
  const serialized = serializeError(error);
  const hasOwnHint = error instanceof UsageError || error instanceof CommandError;
  return hasOwnHint ? serialized : { ...serialized, hint: hints[serialized.code] ?? serialized.hint };
}

/**
 * What happened, for a person. Where the server refused something it says so itself, and the request that it refused
 * would only be noise; where it failed, the request helps to report it.
 */
export function describeError(error: unknown): string {
  const { message } = serializeError(error);
  const prefix = error instanceof ApiError && error.status < 500 ? ` answered ${error.status}: ` : undefined;
  const start = prefix === undefined ? -1 : message.indexOf(prefix);
  return withoutControlCharacters(
    prefix === undefined || start < 0 ? message : message.slice(start + prefix.length),
  );
}
