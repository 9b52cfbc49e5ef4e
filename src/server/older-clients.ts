import { checkpointKinds, type CheckpointKind } from './store/checkpoint-store.ts';

/**
 * The kinds of checkpoint that a client can read. The official SDK before 0.28 refuses a whole list in which one is an
 * export (wire-protocol 13.4).
 */
export function kindsKnownTo(userAgent: string | undefined): readonly CheckpointKind[] {
  const [, major, minor] = /Tinker\/Python (\d+)\.(\d+)\./.exec(userAgent ?? '') ?? [];
  const isOlder = major === '0' && Number(minor) < 28;
  return isOlder ? checkpointKinds.filter((kind) => kind !== 'external_weights') : checkpointKinds;
}
