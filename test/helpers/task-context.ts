import type { DownloadProgress } from '../../src/types/downloads.ts';
import type { PartFacts, TaskContext } from '../../src/workers/protocol.ts';

/** What a task body gets, and what it said: for running one without a thread. */
export interface RecordingContext extends TaskContext {
  abort: () => void;
  parts: PartFacts[];
  progress: DownloadProgress[];
}

export function recordingContext(): RecordingContext {
  const controller = new AbortController();
  const parts: PartFacts[] = [];
  const progress: DownloadProgress[] = [];
  return {
    signal: controller.signal,
    abort: () => controller.abort(),
    parts,
    progress,
    post: (message) => {
      if (message.type === 'part') parts.push(message.facts);
      else if (message.type === 'progress') progress.push(message.progress);
    },
  };
}
