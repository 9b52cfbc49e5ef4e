import type { CheckpointSource } from '../../../machines/download-ports.ts';

/** Chooses the way that a checkpoint takes; nothing is asked before `resolve`. */
export type OpenSource = (tinkerPath: string) => CheckpointSource;
