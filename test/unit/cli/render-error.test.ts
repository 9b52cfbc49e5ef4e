import { describe, expect, it } from 'vitest';
import { CommandError, InterruptedError, UsageError } from '../../../src/cli/errors.ts';
import { toExitCode } from '../../../src/cli/exit-codes.ts';
import { renderError } from '../../../src/cli/render-error.ts';
import { toApiError } from '../../../src/core/api-errors.ts';
import { errorCodes } from '../../../src/core/error-codes.ts';
import {
  ConnectionError,
  DownloadError,
  InvalidArgumentError,
  TimeoutError,
  TinkerError,
} from '../../../src/core/errors.ts';

const table = { format: 'table', verbose: false } as const;
const json = { format: 'json', verbose: false } as const;
const api = (status: number, detail = 'as it is') =>
  toApiError('GET /api/v1/training_runs', { status, body: { detail } });

describe('exit codes', () => {
  it.each([
    [new UsageError('m', 'h'), 2],
    [new InvalidArgumentError('m'), 2],
    [new TinkerError('missing_api_key', 'm'), 3],
    [new TinkerError('invalid_api_key', 'm'), 3],
    [api(401), 3],
    [api(403), 3],
    [api(404), 4],
    [new CommandError('not_found', 'm', 'h'), 4],
    [new ConnectionError('m'), 5],
    [new TimeoutError('m'), 5],
    [new InterruptedError('m'), 130],
    [api(409), 1],
    [api(422), 1],
    [api(429), 1],
    [api(500), 1],
    [new DownloadError('destination_exists', 'm'), 1],
    [new Error('a bug'), 1],
    ['not even an error', 1],
  ])('%s ends with %d', (error, exitCode) => {
    expect(toExitCode(error)).toBe(exitCode);
  });
});

describe('errors for people', () => {
  it('are two lines: what happened, what to do', () => {
    expect(renderError(new ConnectionError('Could not reach http://127.0.0.1:9'), table).split('\n')).toEqual(
      [
        'Error: Could not reach http://127.0.0.1:9',
        'Check that the server runs and TINKER_BASE_URL is right.',
      ],
    );
  });

  it('speak of flags and variables, never of options of a call', () => {
    for (const code of ['missing_api_key', 'destination_exists', 'timeout', 'authentication'] as const) {
      const [, hint] = renderError(new TinkerError(code, 'm'), table).split('\n');
      expect(hint).not.toMatch(/apiKey|timeoutMs|Pass force/);
    }
  });

  it('call an interruption by its name', () => {
    expect(renderError(new InterruptedError('Interrupted.'), table)).toMatch(/^Interrupted\.\n/);
  });

  it('have advice for every code', () => {
    for (const code of Object.keys(errorCodes) as (keyof typeof errorCodes)[]) {
      expect(renderError(new TinkerError(code, 'm'), table)).toMatch(/^(Error: )?m\n\S.+$/);
    }
  });

  it("give the server's word where it refuses, and the request too where it fails", () => {
    expect(renderError(api(404, 'Unknown training run x'), table)).toMatch(
      /^Error: Unknown training run x\n/,
    );
    expect(renderError(api(500, 'out of memory'), table)).toMatch(
      /^Error: GET \/api\/v1\/training_runs answered 500: out of memory\n/,
    );
  });

  it('name the request that the server refused when asked for the cause', () => {
    expect(renderError(api(404, 'Unknown training run x'), { format: 'table', verbose: true })).toMatch(
      /\nIn full: GET \/api\/v1\/training_runs answered 404: Unknown training run x$/,
    );
  });

  it('show no stack, but that of a bug when debugging', () => {
    expect(renderError(api(404), { format: 'table', verbose: true })).not.toContain('    at ');
    expect(renderError(new TypeError('x is undefined'), table).split('\n')).toHaveLength(2);
    expect(renderError(new TypeError('x is undefined'), { format: 'table', verbose: true })).toContain(
      '    at ',
    );
  });

  it('cannot steer the terminal', () => {
    expect(renderError(api(404, 'gone\u001b[2J'), table)).not.toContain('\u001b');
  });
});

describe('errors for programs', () => {
  it('are one JSON object with code, message and the same advice', () => {
    const parsed: unknown = JSON.parse(renderError(api(404, 'Unknown training run x'), json));
    expect(parsed).toEqual({
      code: 'not_found',
      category: 'user',
      message: 'GET /api/v1/training_runs answered 404: Unknown training run x',
      hint: 'Check the name, id or path: `model list`, `run list` and `checkpoint list` show what there is.',
      retryable: false,
    });
  });

  it('keep the advice of the command that explains its failure', () => {
    expect(JSON.parse(renderError(new UsageError('unknown', "Try 'tinker-ts --help'"), json))).toMatchObject({
      code: 'invalid_argument',
      hint: "Try 'tinker-ts --help'",
    });
  });
});
