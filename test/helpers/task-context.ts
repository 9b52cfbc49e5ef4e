import type { DownloadProgress } from '../../src/types/downloads.ts';
import type { ObjectFacts, ScannedEntry, StoredPiece, TaskContext } from '../../src/workers/protocol.ts';

/** What a task body gets, and what it said: for running one without a thread. */
export interface RecordingContext extends TaskContext {
  abort: () => void;
  objects: ObjectFacts[];
  entries: ScannedEntry[];
  pieces: StoredPiece[];
  /** The last count. */
  receivedBytes: number;
  progress: DownloadProgress[];
}

export function recordingContext(): RecordingContext {
  const controller = new AbortController();
  const context: RecordingContext = {
    signal: controller.signal,
    abort: () => controller.abort(),
    objects: [],
    entries: [],
    pieces: [],
    receivedBytes: 0,
    progress: [],
    post(message) {
      if (message.type === 'object') context.objects.push(message.facts);
      else if (message.type === 'entries') context.entries.push(...message.entries);
      else if (message.type === 'progress') context.progress.push(message.progress);
      else if (message.type === 'received') context.receivedBytes = message.bytes;
      if (message.type === 'entries' || message.type === 'pieces') context.pieces.push(...message.pieces);
    },
  };
  return context;
}
