import { readFile } from 'node:fs/promises';
import { TinkerError } from '../../core/errors.ts';
import { storedCredentialsSchema } from '../../types/credentials.ts';

/** The default key of the file that the official `tinker auth login` writes; undefined without file or default. */
export async function readStoredKey(file: string): Promise<string | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const parsed = storedCredentialsSchema.safeParse(parseJson(text));
  // What is wrong may hold a key, so nothing of the content is told.
  if (!parsed.success) throw unusable(file, 'it is no credentials file of version 1');
  const { default: id, keys } = parsed.data;
  if (id === undefined || id === null) return undefined;
  const stored = Object.hasOwn(keys, id) ? keys[id] : undefined;
  if (stored === undefined) throw unusable(file, 'its default key is not among its keys');
  return stored.key;
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unusable(file, `it could not be read (${code})`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unusable(file: string, why: string): TinkerError {
  return new TinkerError(
    'credential_unavailable',
    `The stored credentials in ${file} cannot be used: ${why}. Run \`tinker auth login\` anew, or pass apiKey or set TINKER_API_KEY`,
  );
}
