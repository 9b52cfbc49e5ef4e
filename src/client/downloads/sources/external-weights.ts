import { attributed } from '../../../core/sdk-method.ts';
import { InvalidResponseError } from '../../../core/errors.ts';
import type { TinkerPath } from '../../../core/tinker-path.ts';
import type { ApiClient } from '../../../http/api-client.ts';
import { getExternalWeightsUrls } from '../../../http/endpoints/weights.ts';
import type { CheckpointSource, RemoteSource } from '../../../machines/download-ports.ts';
import { toOutcome } from '../../ports.ts';
import { downloadMethod } from './archive.ts';

/** Weights that were exported already (wire-protocol 2.44). */
export function createExternalSource(api: ApiClient, path: TinkerPath): CheckpointSource {
  return {
    async resolve(signal) {
      const signed = await toOutcome(signExport(api, path, signal));
      return signed.kind === 'ok' ? { kind: 'ready', source: signed.value } : signed;
    },
    release: () => Promise.resolve(),
  };
}

export type ExportSource = Extract<RemoteSource, { kind: 'files' }>;

/** The files of an export, each with a fresh address, in the order of their names. */
export async function signExport(
  api: ApiClient,
  path: TinkerPath,
  signal: AbortSignal,
): Promise<ExportSource> {
  const { urls, expires } = await getExternalWeightsUrls(api, path, attributed(downloadMethod, { signal }));
  const files = Object.entries(urls)
    .map(([name, url]) => ({ name, url }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (files.length === 0)
    throw new InvalidResponseError('the server names no files of these external weights');
  return { kind: 'files', files, expires };
}
