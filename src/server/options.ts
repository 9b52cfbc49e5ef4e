import { fileURLToPath } from 'node:url';
import { systemClock, type Clock } from '../core/clock.ts';
import { stderrLogger, type Logger } from '../core/logger.ts';
import type { Aliases } from './aliases.ts';
import type { Fault } from './faults.ts';

export interface LocalServerOptions {
  /** Folder of the database and the checkpoints; made if it is missing. One server at a time may use it. */
  dataDir: string;
  /** 0, the default, takes a free one. */
  port?: number | undefined;
  /** Default `127.0.0.1`: reachable from this machine only. */
  host?: string | undefined;
  /** When set, every request of the API must carry it in `X-API-Key`. */
  apiKey?: string | undefined;
  /** Clients exchange their key for a token that lives so long (1 h), and send that. Default: no exchange. */
  tokenExchange?: { lifetimeSec?: number | undefined } | undefined;
  /** Time of the server: holds, expiry, time-outs, dates. Tests pass a `ManualClock`. */
  clock?: Clock | undefined;
  /** Faults to begin with; `faults.add` adds more. */
  faults?: readonly Fault[] | undefined;
  /** Folder of the base models, `<organization>/<name>/`; by default the one of this package. */
  modelsDirectory?: string | undefined;
  /** Other names for base models, alias to model: `{ 'Qwen/Qwen3-8B': 'local/stories-1m' }`. Default: none. */
  aliases?: Aliases | undefined;
  /** Default: warnings and errors to standard error. */
  logger?: Logger | undefined;
  /** How many models may be in memory at once; unloaded ones do not count. Default 64. */
  maxModels?: number | undefined;
  /** How many operations may be unfinished at once; a client is told to come back later (429). Default 20,000. */
  maxOpenFutures?: number | undefined;
  /** How large a request's body may be, unpacked. Default 256 MiB; one chunk of training data is about 5 MB. */
  maxBodyBytes?: number | undefined;
  /** How long a request may take to arrive. Default 5 min. */
  requestTimeoutMs?: number | undefined;
  /** How long a poll of a result is held before it is told to ask again. Default 30 s; clients give up at 45 s. */
  holdMs?: number | undefined;
  /** How long operations wait for a missing `seq_id` before they fail. Default 5 min. */
  gapTimeoutMs?: number | undefined;
  /** How long a session lives without a sign of its client. Default 15 min. */
  sessionTimeoutMs?: number | undefined;
  /** How long an archive stays pending at least; for tests of that state. Default 0. */
  archivePendingMs?: number | undefined;
  /** How long a signed URL is good for. Default 15 min. */
  signedUrlLifetimeMs?: number | undefined;
  /**
   * A result of more bytes than this is only announced to a poll that allows that, and sent to the next (wire-protocol
   * 5.5). Default `Infinity`: never, since on one machine the second poll costs more than it saves.
   */
  metadataOnlyBytes?: number | undefined;
  /** Asks clients to send forward_backward compressed by zstd. Default false; compressed bodies are read in any case. */
  compressRequests?: boolean | undefined;
}

export type ResolvedOptions = {
  [Name in Exclude<keyof LocalServerOptions, 'apiKey' | 'tokenExchange'>]-?: NonNullable<
    LocalServerOptions[Name]
  >;
} & { apiKey: string | undefined; tokenExchange: { lifetimeSec: number } | undefined };

const minuteMs = 60_000;

/** The options with every default in place. */
export function resolveOptions(options: LocalServerOptions): ResolvedOptions {
  return {
    dataDir: options.dataDir,
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    apiKey: options.apiKey,
    tokenExchange: options.tokenExchange && { lifetimeSec: options.tokenExchange.lifetimeSec ?? 3600 },
    clock: options.clock ?? systemClock,
    faults: options.faults ?? [],
    modelsDirectory: options.modelsDirectory ?? fileURLToPath(new URL('../../models', import.meta.url)),
    aliases: options.aliases ?? {},
    logger: options.logger ?? stderrLogger('warn'),
    maxModels: options.maxModels ?? 64,
    maxOpenFutures: options.maxOpenFutures ?? 20_000,
    maxBodyBytes: options.maxBodyBytes ?? 256 * 2 ** 20,
    requestTimeoutMs: options.requestTimeoutMs ?? 5 * minuteMs,
    holdMs: options.holdMs ?? 30_000,
    gapTimeoutMs: options.gapTimeoutMs ?? 5 * minuteMs,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 15 * minuteMs,
    archivePendingMs: options.archivePendingMs ?? 0,
    signedUrlLifetimeMs: options.signedUrlLifetimeMs ?? 15 * minuteMs,
    metadataOnlyBytes: options.metadataOnlyBytes ?? Number.POSITIVE_INFINITY,
    compressRequests: options.compressRequests ?? false,
  };
}
