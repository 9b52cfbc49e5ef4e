import type { StateValue } from 'xstate';
import type { DownloadState } from '../types/downloads.ts';

/** The name of the innermost state, which is what `state.changed` tells. */
export function downloadStateOf(value: StateValue): DownloadState {
  let inner: StateValue | undefined = value;
  while (typeof inner === 'object') inner = Object.values(inner)[0];
  return (inner ?? 'inspecting') as DownloadState;
}
