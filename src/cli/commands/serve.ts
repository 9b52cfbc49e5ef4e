import { once } from 'node:events';
import { TinkerError } from '../../core/errors.ts';
import { createLocalServer, type LocalServer } from '../../server/index.ts';
import type { CommandContext } from '../context.ts';
import { CommandError, UsageError } from '../errors.ts';

export interface ServeOptions {
  port: number;
  host: string;
  dataDir: string;
  apiKey?: string | undefined;
}

/** Runs a server until it is interrupted, which is how it is meant to end; the one line about it is printed at once. */
export async function serve(context: CommandContext, options: ServeOptions): Promise<void> {
  const { format, signal } = context;
  checkApiKey(context, options);
  await using server = await start(options);
  const { url, dataDir } = server;
  process.stdout.write(
    format === 'json'
      ? `${JSON.stringify({ url, data_dir: dataDir })}\n`
      : `tinker-ts server is ready at ${url} (data in ${dataDir})\n`,
  );
  if (!signal.aborted) await once(signal, 'abort');
}

function checkApiKey(context: CommandContext, { apiKey, host }: ServeOptions): void {
  if (apiKey === undefined) {
    if (!isLoopback(host)) {
      context.note(`Warning: whoever can reach ${host} can use this server; --api-key asks for a key.`);
    }
    return;
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new UsageError(
      'The API key must be printable ASCII without spaces.',
      'For example: --api-key tml-local',
    );
  }
  if (!apiKey.startsWith('tml-')) {
    context.note(
      "Warning: the official Tinker SDK refuses keys that do not begin with 'tml-'; tinker-ts takes any.",
    );
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

async function start({ port, host, dataDir, apiKey }: ServeOptions): Promise<LocalServer> {
  try {
    return await createLocalServer({ port, host, dataDir, apiKey });
  } catch (error) {
    throw explain(error, { port, host, dataDir });
  }
}

function explain(error: unknown, { port, host, dataDir }: Omit<ServeOptions, 'apiKey'>): unknown {
  if (TinkerError.isInstance(error)) {
    return new CommandError('conflict', error.message, 'For example: --data-dir ./other-data', error);
  }
  if (!(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'EADDRINUSE':
      return new CommandError(
        'conflict',
        `Port ${port} on ${host} is in use.`,
        'Stop what uses it, or choose another port with --port (0 takes a free one).',
        error,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
      return 'syscall' in error && error.syscall === 'listen'
        ? new CommandError(
            'file_access',
            `No permission to listen on port ${port}.`,
            'Choose one from 1024 up.',
            error,
          )
        : new CommandError(
            'file_access',
            `Cannot use ${dataDir} as data folder: ${error.message}`,
            'Choose a folder that you may write to with --data-dir.',
            error,
          );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new CommandError(
        'invalid_argument',
        `Cannot listen on ${host}: it is no address of this machine.`,
        'Choose another with --host, for example 127.0.0.1.',
        error,
      );
    default:
      return error;
  }
}
