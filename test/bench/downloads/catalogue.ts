/**
 * Who downloads: our command line, a program of ours that runs already, `curl | tar`, the way of the official SDK 0.25, aria2c and
 * then tar (`-x8` alone opens five connections, with `-s8` eight), the official CLI of today.
 */
export type Subject = 'cli' | 'ours' | 'curl' | 'official025' | 'aria2' | 'aria2Split' | 'officialCli';

export interface Measurement {
  /** The whole command, its start included. */
  wallSeconds: number;
  /** From the call to its result, of the program of ours. */
  callSeconds?: number | undefined;
  /** User and system time of the program of ours, its threads included. */
  cpuSeconds?: number | undefined;
  /** Peak resident memory above that of the idle client, of the program of ours. */
  memoryMegabytes?: number | undefined;
  /** Delays of the event loop of the program of ours: the one below which 99.9% lie, and the longest. */
  delayP999Ms?: number | undefined;
  delayMaximumMs?: number | undefined;
}

/** What one round measured, by subject; a subject that failed is absent. */
export type Round = Partial<Record<Subject, Measurement>>;

export interface Goal {
  text: string;
  /** Of one round; undefined when a subject is missing. */
  value: (round: Round) => number | undefined;
  bound: { atMost: number };
}

/** What lies on the file server, by name: files of these sizes, served as they are or as one archive. */
export const materials = {
  large: { kind: 'archive', files: { 'adapter_model.safetensors': 512e6 } },
  small: { kind: 'archive', files: Object.fromEntries(numbered(2000).map((name) => [name, 64_000])) },
  export: { kind: 'files', files: { 'adapter_model.safetensors': 500e6, 'tokenizer.json': 2e6 } },
  one: { kind: 'archive', files: { 'adapter_model.safetensors': 4e6 } },
} as const satisfies Record<string, { kind: 'archive' | 'files'; files: Readonly<Record<string, number>> }>;

export type MaterialName = keyof typeof materials;

function numbered(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `part-${Math.floor(index / 100)}/${String(index).padStart(5, '0')}.bin`,
  );
}

/** What one connection gets where it is limited. */
export const limitedBytesPerSecond = 32 * 1024 * 1024;

export interface Workload {
  name: string;
  title: string;
  material: MaterialName;
  /** Whether each connection is limited. */
  isLimited: boolean;
  subjects: readonly Subject[];
  /** How many checkpoints the program of ours asks for at once, and how many of them it may transfer at once. */
  many?: { count: number; concurrency: number } | undefined;
  goals: readonly Goal[];
}

/** What a subject took: of the program that runs already the call alone. */
export function secondsOf(subject: Subject, measured: Measurement | undefined): number | undefined {
  return subject === 'ours' ? measured?.callSeconds : measured?.wallSeconds;
}

const ratio =
  (subject: Subject, rival: Subject) =>
  (round: Round): number | undefined => {
    const own = secondsOf(subject, round[subject]);
    const other = secondsOf(rival, round[rival]);
    return own === undefined || other === undefined ? undefined : own / other;
  };

/** One goal for command beside command, and the same for the call alone: a program that runs already needs no start. */
function timeGoals(rivals: Partial<Record<Subject, number>>): Goal[] {
  return Object.entries(rivals).flatMap(([rival, atMost]) =>
    (['cli', 'ours'] as const).map((subject) => ({
      text: `Time: ${subjectNames[subject]} / ${subjectNames[rival as Subject]}`,
      value: ratio(subject, rival as Subject),
      bound: { atMost },
    })),
  );
}

export const subjectNames: Record<Subject, string> = {
  cli: 'tinker-ts checkpoint download',
  ours: 'the call alone',
  curl: 'curl, piped to tar',
  official025: 'as official SDK 0.25',
  aria2: 'aria2c -x8, then tar',
  aria2Split: 'aria2c -x8 -s8, then tar',
  officialCli: 'official CLI',
};

const manyGoals: Goal[] = [
  {
    text: 'Peak memory above idle, MB',
    value: ({ ours }) => ours?.memoryMegabytes,
    bound: { atMost: 120 },
  },
  {
    text: 'Delay of the event loop, p99.9, ms',
    value: ({ ours }) => ours?.delayP999Ms,
    bound: { atMost: 50 },
  },
];

const manyWorkload = (concurrency: number): Workload => ({
  name: `many-${concurrency}`,
  title: `200 archives of 4 MB asked for at once, ${concurrency} in transfer`,
  material: 'one',
  isLimited: false,
  subjects: ['ours'],
  many: { count: 200, concurrency },
  goals: manyGoals,
});

export const workloads: readonly Workload[] = [
  {
    name: 'archive',
    title: 'Archive of 512 MB',
    material: 'large',
    isLimited: false,
    subjects: ['cli', 'ours', 'curl', 'official025', 'aria2'],
    goals: timeGoals({ curl: 1 }),
  },
  {
    name: 'archive-limited',
    title: 'Archive of 512 MB, 32 MiB/s a connection',
    material: 'large',
    isLimited: true,
    subjects: ['cli', 'ours', 'official025', 'aria2', 'aria2Split'],
    goals: timeGoals({ official025: 0.25, aria2: 0.5, aria2Split: 0.5 }),
  },
  {
    name: 'small-files',
    title: 'Archive of 2,000 files of 64 kB',
    material: 'small',
    isLimited: false,
    subjects: ['cli', 'ours', 'curl', 'official025', 'aria2'],
    goals: timeGoals({ curl: 1.1 }),
  },
  {
    name: 'export',
    title: 'External weights of 500 MB',
    material: 'export',
    isLimited: false,
    subjects: ['cli', 'ours', 'officialCli'],
    goals: timeGoals({ officialCli: 0.5 }),
  },
  {
    name: 'export-limited',
    title: 'External weights of 500 MB, 32 MiB/s a connection',
    material: 'export',
    isLimited: true,
    subjects: ['cli', 'ours', 'officialCli'],
    goals: timeGoals({ officialCli: 0.25 }),
  },
  manyWorkload(4),
  manyWorkload(200),
];

/** A checkpoint of a workload; the API server reads from its path what to answer. */
export function checkpointPath({ material, isLimited }: Workload, number = 0): string {
  const kind = materials[material].kind === 'archive' ? 'sampler_weights' : 'external_weights';
  return `tinker://bench:${material}:${isLimited ? 'limited' : 'free'}:${number}/${kind}/final`;
}
