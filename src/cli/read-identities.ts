import { readFile } from 'node:fs/promises';
import { isAgeIdentity } from '../core/age-identity.ts';
import { fileOperationError, UsageError } from './errors.ts';

const hint = 'Make one with age-keygen: it has a line AGE-SECRET-KEY-1…, and comments begin with #.';

/** The secret keys of an age identity file, as `age -i` reads it. No error repeats what is in the file. */
export async function readIdentities(file: string): Promise<string[]> {
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileOperationError(`read ${file}`, error);
  });
  const lines = content.split(/\r?\n/);
  const identities: string[] = [];
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    if (!isAgeIdentity(text))
      throw new UsageError(
        `${file} is no age identity file: line ${index + 1} is neither a key nor a comment.`,
        hint,
      );
    identities.push(text);
  }
  if (identities.length === 0) throw new UsageError(`${file} is no age identity file: it has no key.`, hint);
  return identities;
}
