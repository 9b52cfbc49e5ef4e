import { once } from 'node:events';
import { TinkerError } from '../../core/errors.ts';
import { createLocalServer, type LocalServer } from '../../server/index.ts';
import { isJson, type CommandContext } from '../context.ts';
import { CommandError, UsageError } from '../errors.ts';

export interface ServeOptions {
  port: number;
  host: string;
  dataDir: string;
  apiKey?: string | undefined;
  /** Alias to model. */
  alias: Readonly<Record<string, string>>;
}

/** Runs a server until it is interrupted, which is how it is meant to end; the one line about it is printed at once. */
export async function serve(context: CommandContext, options: ServeOptions): Promise<void> {
  const { format, signal, environment } = context;
  checkApiKey(context, options);
  // Watched from the beginning: once the parent is gone nothing tells who it was.
  using parent = environment.isNpmScript ? watchParent() : undefined;
  await using server = await start(options);
  const { url, dataDir } = server;
  process.stdout.write(
    isJson(format)
      ? `${JSON.stringify({ url, data_dir: dataDir })}\n`
      : `tinker-ts server is ready at ${url} (data in ${dataDir})\n`,
  );
  if (signal.aborted) return;
  await Promise.race([once(signal, 'abort'), ...(parent === undefined ? [] : [parent.gone])]);
}

const parentCheckMs = 250;

/**
 * Tells when the parent process has ended. On SIGTERM npm ends its shell, and many shells do not pass the signal on: the
 * server would be left behind and keep its port.
 */
function watchParent(): Disposable & { gone: Promise<void> } {
  const parent = process.ppid;
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (process.ppid !== parent) resolve();
  }, parentCheckMs);
  return { gone, [Symbol.dispose]: () => clearInterval(timer) };
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

async function start({ port, host, dataDir, apiKey, alias }: ServeOptions): Promise<LocalServer> {
  try {
    return await createLocalServer({ port, host, dataDir, apiKey, aliases: alias });
  } catch (error) {
    throw TinkerError.isInstance(error) ? explain(error, { port, host }) : error;
  }
}

/** What to type instead, for what may be wrong with an address or with the data folder. */
function explain(error: TinkerError, { port, host }: Pick<ServeOptions, 'port' | 'host'>): CommandError {
  if (error.details?.['alias'] !== undefined) {
    const hint = 'For example: --alias Qwen/Qwen3-8B=local/stories-1m';
    return new CommandError('invalid_argument', error.message, hint, error);
  }
  const code = error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined;
  const isAddress =
    error.cause instanceof Error && 'syscall' in error.cause && error.cause.syscall !== 'mkdir';
  if (code === 'EADDRINUSE') {
    const hint = 'Stop what uses it, or choose another port with --port (0 takes a free one).';
    return new CommandError('conflict', `Port ${port} on ${host} is in use.`, hint, error);
  }
  if (code === 'EACCES' && isAddress) {
    const hint = 'Choose a port from 1024 up with --port.';
    return new CommandError(
      'permission_denied',
      `Port ${port} needs more rights than you have.`,
      hint,
      error,
    );
  }
  if (isAddress) {
    const hint = 'Choose an address of this machine with --host, for example 127.0.0.1.';
    return new CommandError('invalid_argument', error.message, hint, error);
  }
  return new CommandError('file_access', error.message, 'Choose another folder with --data-dir.', error);
}
