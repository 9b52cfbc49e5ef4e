import type { ArchiveLimits } from '../../src/types/downloads.ts';
import type { RawEntry } from '../helpers/archives.ts';

/** What a download comes to: a refusal by its code, or files that are as the archive has them. */
export type Verdict = 'unsafe_archive' | 'corrupt_archive' | 'accepted';

export interface HostileArchive {
  name: string;
  archive: Buffer;
  verdict: Verdict;
  limits?: Partial<ArchiveLimits>;
}

/** A good entry, which comes first. */
export const config: RawEntry = { name: 'adapter_config.json', body: '{"r":8}' };
