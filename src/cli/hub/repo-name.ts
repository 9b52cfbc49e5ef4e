import type { TinkerPath } from '../../core/tinker-path.ts';
import { UsageError } from '../errors.ts';

/** Where an adapter goes when nobody says: `tinker-<base model>-<run>`, and a branch for each checkpoint. */
export function deriveTarget(
  { training_run_id, checkpoint_id }: TinkerPath,
  baseModel: string | undefined,
): { name: string; revision: string } {
  const base = baseModel?.split('/').at(-1) ?? 'adapter';
  return { name: sanitize(`tinker-${base}-${training_run_id}`), revision: sanitize(checkpoint_id) };
}

/** Throws UsageError for what cannot be a repository: `name`, or `owner/name`. */
export function checkRepo(repo: string): void {
  if (/^(?:[\w.-]+\/)?[\w.-]+$/.test(repo)) return;
  throw new UsageError(
    `--repo must look like owner/name, and is ${repo}`,
    'For example: --repo me/my-adapter',
  );
}

function sanitize(text: string): string {
  return text
    .replaceAll(/[^\p{L}\p{N}\-_.]/gu, '-')
    .replaceAll(/-{2,}/g, '-')
    .replaceAll(/^[-_ .]+|[-_ .]+$/g, '');
}
