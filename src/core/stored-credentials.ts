import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { storedCredentialsSchema, type StoredCredentials } from '../types/credentials.ts';
import { TinkerError } from './errors.ts';

/** The default key of the credentials file; undefined without file or default. */
export async function readStoredKey(file: string): Promise<string | undefined> {
  const credentials = await readStoredCredentials(file);
  const id = credentials?.default;
  if (credentials === undefined || id === undefined || id === null) return undefined;
  const stored = Object.hasOwn(credentials.keys, id) ? credentials.keys[id] : undefined;
  if (stored === undefined) throw unusable(file, 'its default key is not among its keys');
  return stored.key;
}

/** All of the file that the official `tinker auth login` writes too (wire-protocol 1.2); undefined when there is none. */
export async function readStoredCredentials(file: string): Promise<StoredCredentials | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const parsed = storedCredentialsSchema.safeParse(parseJson(text));
  // What is wrong may hold a key, so nothing of the content is told.
  if (!parsed.success) throw unusable(file, 'it is no credentials file of version 1');
  return parsed.data;
}

/** Replaces the file by one rename; only its owner can read it. */
export async function writeStoredCredentials(file: string, credentials: StoredCredentials): Promise<void> {
  const folder = path.dirname(file);
  const aside = path.join(folder, `.credentials-${randomBytes(4).toString('hex')}.json`);
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    // What was there before is the owner's to open or close.
    if (made !== undefined) await chmod(folder, 0o700);
    await writeFile(aside, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(aside, file);
  } catch (error) {
    await rm(aside, { force: true });
    throw new TinkerError(
      'file_access',
      `The credentials could not be written to ${file}: ${toReason(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = toReason(error);
    if (reason === 'ENOENT' || reason === 'ENOTDIR') return undefined;
    throw unusable(file, `it could not be read (${reason})`);
  }
}

function toReason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
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
