import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { checkpointPath, materials, type Measurement, type Subject, type Workload } from './catalogue.ts';
import { hashFolder, type Hashes } from './material.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** As the package has it. */
const program = here('../../../dist/cli/main.cjs');

export interface Surroundings {
  apiUrl: string;
  freeUrl: string;
  limitedUrl: string;
  certificatePath: string;
  /** An interpreter with the official SDK. */
  python: string;
}

/** Runs one subject as a command, from its start to its end, into an empty folder, and checks every byte it has written. */
export async function runSubject(
  workload: Workload,
  subject: Subject,
  around: Surroundings,
  { folder, hashes }: { folder: string; hashes: Hashes },
): Promise<Measurement> {
  const [command, ...args] = commandOf(workload, subject, around, folder);
  const startedAt = performance.now();
  const { code, output, complaints } = await run(command, args, around);
  const wallSeconds = (performance.now() - startedAt) / 1000;
  if (code !== 0)
    throw new Error(`${subject} ended with ${code ?? 'a signal'}: ${complaints.trim().slice(-400)}`);
  await check(workload, subject, folder, hashes);
  if (subject !== 'ours') return { wallSeconds };
  return { wallSeconds, ...(JSON.parse(output) as Omit<Measurement, 'wallSeconds'>) };
}

function commandOf(
  workload: Workload,
  subject: Subject,
  { apiUrl, freeUrl, limitedUrl, python }: Surroundings,
  folder: string,
): [string, ...string[]] {
  const { material, isLimited, many } = workload;
  const archiveUrl = `${isLimited ? limitedUrl : freeUrl}/${material}/archive.tar`;
  const target = join(folder, 'target');
  const viaAria2 = (options: string): [string, ...string[]] => {
    const fetching = `aria2c ${options} --quiet --check-certificate=false --file-allocation=none -d "$2" -o archive.tar "$1"`;
    const unpacking = 'mkdir "$3" && tar -x -f "$2/archive.tar" -C "$3" && rm "$2/archive.tar"';
    return ['bash', '-c', `${fetching} && ${unpacking}`, 'bash', archiveUrl, folder, target];
  };
  switch (subject) {
    case 'ours': {
      const { count, concurrency } = many ?? { count: 1, concurrency: 4 };
      const paths = Array.from({ length: count }, (_, number) => checkpointPath(workload, number));
      return [process.execPath, here('./ours.ts'), apiUrl, folder, String(concurrency), ...paths];
    }
    case 'cli':
      return [process.execPath, program, 'checkpoint', 'download', checkpointPath(workload), '-o', folder];
    case 'curl':
      return [
        'bash',
        '-c',
        'set -o pipefail; mkdir "$2" && curl -sk "$1" | tar -x -C "$2"',
        'bash',
        archiveUrl,
        target,
      ];
    case 'official025':
      return [python, here('./rivals/official_025.py'), archiveUrl, target];
    case 'aria2':
      return viaAria2('-x8');
    case 'aria2Split':
      return viaAria2('-x8 -s8');
    case 'officialCli':
      return [python, '-m', 'tinker.cli', 'checkpoint', 'download', checkpointPath(workload), '-o', folder];
  }
}

async function run(
  command: string,
  args: readonly string[],
  { apiUrl, certificatePath }: Surroundings,
): Promise<{ code: number | null; output: string; complaints: string }> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing here takes so long unless it will never end.
    timeout: 90_000,
    killSignal: 'SIGKILL',
    env: {
      ...process.env,
      TINKER_BASE_URL: apiUrl,
      TINKER_API_KEY: 'tml-bench',
      TINKER_TELEMETRY: '0',
      NODE_EXTRA_CA_CERTS: certificatePath,
      SSL_CERT_FILE: certificatePath,
    },
  });
  const reading = [text(child.stdout), text(child.stderr)] as const;
  const [code] = (await once(child, 'close')) as [number | null];
  const [output, complaints] = await Promise.all(reading);
  return { code, output, complaints };
}

/** A rival that is quick because it left something out would be no rival. */
async function check(workload: Workload, subject: Subject, folder: string, hashes: Hashes): Promise<void> {
  const targets = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const wanted = workload.many?.count ?? 1;
  if (targets.length !== wanted) throw new Error(`${subject} made ${targets.length} of ${wanted} folders`);
  for (const { name } of targets) {
    const found = await hashFolder(join(folder, name));
    const wrong = [...hashes].filter(([file, hash]) => found.get(file) !== hash);
    if (wrong.length > 0 || found.size !== Object.keys(materials[workload.material].files).length)
      throw new Error(`${subject} made other files than there are: ${wrong.length} are wrong`);
  }
}
