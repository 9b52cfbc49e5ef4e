import { link, lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DownloadError } from '../../core/errors.ts';
import { fileOperation } from '../../workers/file-errors.ts';

/** A lock takes no longer to be written where it cannot appear whole. */
const writingMs = 10_000;

/** What file systems without hard links answer. */
const noLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

interface LockHolder {
  pid: number;
  host: string;
  id: string;
  /** Which of all processes that ever have this number, where the system tells. */
  since?: string | undefined;
}

/** Makes the folder and takes it for this process; false when a process that lives has it. */
export async function takeLock(root: string, id: string): Promise<boolean> {
  const path = join(root, 'lock');
  const { pid } = process;
  const holder: LockHolder = { pid, host: hostname(), id, since: await sinceWhen(pid) };
  for (let attempt = 0; attempt < 5; attempt++) {
    await makeFolder(root);
    const made = await createLock(path, holder);
    if (made === 'made') return true;
    const other = made === 'gone' ? undefined : await readLock(path);
    if (other === undefined) continue;
    if (await isAlive(other)) return false;
    // Whoever moves it away has it; a lock that was made meanwhile is not the dead one, and is put back.
    const aside = join(root, `lock-${id}`);
    await rename(path, aside).catch(() => undefined);
    const moved = await readLock(aside);
    if (moved !== undefined && moved.id !== other.id) {
      await rename(aside, path);
      return false;
    }
    await rm(aside, { force: true });
  }
  return false;
}

/** Whether a download has ever taken the folder. */
export async function wasLocked(root: string): Promise<boolean> {
  return (await readLock(join(root, 'lock'))) !== undefined;
}

async function makeFolder(path: string): Promise<void> {
  await fileOperation(`create ${path}`, () => mkdir(path, { recursive: true }));
  // A link would lead the files elsewhere.
  const found = await fileOperation(`look at ${path}`, () => lstat(path));
  if (!found.isDirectory())
    throw new DownloadError('file_access', `Cannot write to ${path}: something of that name is in the way`);
}

/** `gone`: the folder was removed meanwhile. */
async function createLock(path: string, holder: LockHolder): Promise<'made' | 'held' | 'gone'> {
  try {
    await fileOperation(`create ${path}`, () => writeWhole(path, JSON.stringify(holder), holder.id));
    return 'made';
  } catch (error) {
    const errno = error instanceof DownloadError ? error.details['errno'] : undefined;
    if (errno === 'EEXIST') return 'held';
    if (errno === 'ENOENT') return 'gone';
    throw error;
  }
}

/** Makes a file that is not there yet, with all that it says: a process that is killed leaves no empty one. */
async function writeWhole(path: string, text: string, id: string): Promise<void> {
  const unfinished = `${path}-${id}.new`;
  await writeFile(unfinished, text);
  try {
    await link(unfinished, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && noLinks.has(String(error.code)))) throw error;
    await writeFile(path, text, { flag: 'wx' });
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Undefined when it is not there. */
async function readLock(path: string): Promise<LockHolder | undefined> {
  try {
    const { mtimeMs } = await lstat(path);
    const holder = parseHolder(await readFile(path, 'utf8'));
    // One that says nothing is being written this moment, or was left so.
    return holder ?? { pid: Date.now() - mtimeMs < writingMs ? process.pid : 0, host: hostname(), id: '' };
  } catch {
    return undefined;
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    return JSON.parse(text) as LockHolder;
  } catch {
    return undefined;
  }
}

/** Of another machine nobody can tell: it is taken to live. */
async function isAlive({ pid, host, since }: LockHolder): Promise<boolean> {
  if (host !== hostname()) return true;
  if (pid === 0) return false;
  const current = await sinceWhen(pid);
  // Numbers are used again: after a restart of the machine, and of a container nearly always.
  if (since !== undefined && current !== undefined) return since === current;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The boot, and the tick of it at which the process began (proc_pid_stat(5), field 22); undefined where there is no /proc. */
async function sinceWhen(pid: number): Promise<string | undefined> {
  try {
    const [boot, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // The second field is the program's name, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${boot.trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}
