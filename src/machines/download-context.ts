import type { DownloadResult } from '../types/downloads.ts';
import { noSetbacks, type NextStep, type SetbackPolicy, type SetbackState } from './download-judgement.ts';
import type { DownloadPorts, RemoteSource } from './download-ports.ts';

export interface DownloadInput extends SetbackPolicy {
  force: boolean;
  ports: DownloadPorts;
}

/** What the download machine knows. */
export interface DownloadContext extends DownloadInput, SetbackState {
  /** Where judging leads. */
  next: NextStep;
  /** Its addresses are signed: secrets. */
  source: RemoteSource;
  /** Whether it has had a slot: then it goes before those that have not begun. */
  hasBegun: boolean;
  result: DownloadResult | undefined;
  cancelReason: unknown;
  /** Whether what came stays after a cancel. */
  keepCancelled: boolean;
}

const noSource: RemoteSource = { kind: 'files', files: [], expires: '' };

/** What it knows as it begins. */
export function toContext(input: DownloadInput): DownloadContext {
  return {
    ...noSetbacks,
    ...input,
    next: 'failing',
    source: noSource,
    hasBegun: false,
    result: undefined,
    cancelReason: undefined,
    keepCancelled: false,
  };
}
