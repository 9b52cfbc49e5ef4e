import type { IncomingMessage } from 'node:http';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toApiError } from '../core/api-errors.ts';
import { ConnectionError, DownloadError, InvalidResponseError } from '../core/errors.ts';
import { readRetryHints } from '../core/retry-policy.ts';
import { serializeError } from '../core/serialize-error.ts';
import { PartFile } from './part-file.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { PartFacts, TaskContext, TransferInput, TransferOutcome } from './protocol.ts';
import { getSignedUrl, redactUrl, toNetworkError } from './signed-url.ts';

/** Fetches an archive into its part file, from where an earlier attempt ended if the server still has the same bytes. */
export async function transferArchive(input: TransferInput, context: TaskContext): Promise<TransferOutcome> {
  const { url, partPath, known } = input;
  const part = await PartFile.open(partPath, { resume: isResumable(known) });
  try {
    if (known?.totalBytes !== undefined && part.sizeBytes === known.totalBytes) return complete(part);
    const startBytes = part.sizeBytes;
    const response = await getSignedUrl(url, {
      headers: { 'accept-encoding': 'identity', ...rangeHeaders(startBytes, known) },
      signal: context.signal,
      stallTimeoutMs: input.stallTimeoutMs,
    });
    try {
      const judged = judgeResponse(response, { startBytes, known, what: `GET ${redactUrl(url)}` });
      if (judged.kind !== 'body') return judged;
      context.post({ type: 'part', facts: judged.facts });
      await receiveBody(response, part, judged.facts, input, context);
      return complete(part);
    } finally {
      response.destroy();
    }
  } catch (error) {
    if (context.signal.aborted) return { kind: 'cancelled' };
    if (error instanceof DownloadError || error instanceof InvalidResponseError) throw error;
    const networkError = toNetworkError(error, `GET ${redactUrl(url)}`);
    return { kind: 'transient', receivedBytes: part.sizeBytes, error: serializeError(networkError) };
  } finally {
    await part.close();
  }
}

function complete(part: PartFile): TransferOutcome {
  return { kind: 'complete', receivedBytes: part.sizeBytes };
}

/** Only bytes under a strong validator are continued: without one nobody can tell whether the rest belongs to them. */
function isResumable(known: PartFacts | undefined): boolean {
  return known?.etag !== undefined;
}

function rangeHeaders(startBytes: number, known: PartFacts | undefined): Record<string, string> {
  if (startBytes === 0 || known?.etag === undefined) return {};
  return { range: `bytes=${startBytes}-`, 'if-range': known.etag };
}

interface JudgeOptions {
  startBytes: number;
  known: PartFacts | undefined;
  what: string;
}

type Judged =
  { kind: 'body'; facts: PartFacts } | Exclude<TransferOutcome, { kind: 'complete' | 'cancelled' }>;

function judgeResponse(response: IncomingMessage, { startBytes, known, what }: JudgeOptions): Judged {
  const status = response.statusCode ?? 0;
  const etag = strongEtag(response.headers.etag);
  if (status === 200 && startBytes === 0) {
    return { kind: 'body', facts: { etag, totalBytes: readLength(response.headers['content-length']) } };
  }
  if (status === 206 && startBytes > 0) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers['content-range'] ?? '');
    const totalBytes = Number(range?.[2]);
    const fits = Number(range?.[1]) === startBytes && (known?.totalBytes ?? totalBytes) === totalBytes;
    if (fits && (etag === undefined || etag === known?.etag))
      return { kind: 'body', facts: { etag: known?.etag, totalBytes } };
  }
  const error = serializeError(
    toApiError(what, { status, body: `instead of the archive from byte ${startBytes}` }),
  );
  if (startBytes > 0 && (status === 200 || status === 206 || status === 416)) return { kind: 'stale', error };
  if (status === 403 || status === 404 || status === 410)
    return { kind: 'urlExpired', receivedBytes: startBytes, error };
  if (status === 408 || status === 429 || status >= 500) {
    const { retryAfterMs } = readRetryHints(singleHeaders(response), Date.now());
    return { kind: 'transient', receivedBytes: startBytes, error, retryAfterMs };
  }
  return { kind: 'failed', error };
}

async function receiveBody(
  response: IncomingMessage,
  part: PartFile,
  { totalBytes }: PartFacts,
  { url, partPath }: TransferInput,
  { signal, post }: TaskContext,
): Promise<void> {
  if (totalBytes !== undefined) await checkFreeSpace(partPath, totalBytes - part.sizeBytes);
  const meter = new ProgressMeter({
    phase: 'transferring',
    startBytes: part.sizeBytes,
    totalBytes,
    now: () => performance.now(),
    report: (progress) => post({ type: 'progress', progress }),
  });
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      await part.append(chunk);
      meter.update(part.sizeBytes);
      signal.throwIfAborted();
    }
  } finally {
    meter.finish();
  }
  if (totalBytes !== undefined && part.sizeBytes !== totalBytes) {
    throw new ConnectionError(`GET ${redactUrl(url)} ended after ${part.sizeBytes} of ${totalBytes} bytes`);
  }
}

/** Refuses at once what cannot fit; where the system does not say how much is free, the write will tell. */
async function checkFreeSpace(partPath: string, neededBytes: number): Promise<void> {
  const folder = dirname(partPath);
  const space = await statfs(folder).catch(() => undefined);
  if (space === undefined || space.blocks === 0) return;
  const freeBytes = space.bavail * space.bsize;
  if (freeBytes >= neededBytes) return;
  throw new DownloadError(
    'disk_full',
    `Cannot write ${partPath}: the archive needs ${neededBytes} bytes more and ${folder} has ${freeBytes} free. ` +
      'Free disk space or choose another output folder',
    { details: { neededBytes, freeBytes } },
  );
}

function strongEtag(etag: string | undefined): string | undefined {
  return etag?.startsWith('"') ? etag : undefined;
}

function readLength(text: string | undefined): number | undefined {
  const length = Number(text ?? Number.NaN);
  return Number.isSafeInteger(length) && length > 0 ? length : undefined;
}

function singleHeaders(response: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}
