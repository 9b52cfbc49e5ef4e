import type { Measurement } from './measure.ts';

/** Who is measured: this SDK, the same requests on undici alone, the official Python SDK. */
export type Subject = 'ours' | 'undici' | 'official';

/** What one round measured, by subject. */
export type Round = Partial<Record<Subject, Measurement>>;

export interface Goal {
  text: string;
  /** Of one round; undefined when a subject is missing. */
  value: (round: Round) => number | undefined;
  bound: { atMost: number } | { atLeast: number };
}

export interface Workload {
  name: string;
  title: string;
  /** What is counted: CPU and rate are given for one of these. */
  unit: 'sample' | 'step' | 'body' | 'result';
  /** The workload's name for the measured programs, where several differ only in the server. */
  program?: string | undefined;
  /** How long the server holds each result. */
  holdMs: number;
  /** How many units each subject runs, and how many before that to get warm. */
  counts: Partial<Record<Subject, { count: number; warmUp: number }>>;
  goals: readonly Goal[];
}

export const cpuPerUnit = ({ cpuSeconds, unitCount }: Measurement): number => cpuSeconds / unitCount;

/** Megabytes of body per second of CPU: what the codec does while it runs, whatever else the machine does. */
export const megabytesPerSecond = ({ bytesPerUnit = 0, unitCount, cpuSeconds }: Measurement): number =>
  (bytesPerUnit * unitCount) / cpuSeconds / 1e6;

/** This SDK's value in relation to another subject's, of one round. */
const ratio =
  (measured: (measurement: Measurement) => number, rival: Subject) =>
  (round: Round): number | undefined => {
    const { ours, [rival]: other } = round;
    return ours === undefined || other === undefined ? undefined : measured(ours) / measured(other);
  };

const sampleGoals: Goal[] = [
  { text: 'CPU per sample: ours / bare undici', value: ratio(cpuPerUnit, 'undici'), bound: { atMost: 1.6 } },
  { text: 'CPU per sample: ours / official', value: ratio(cpuPerUnit, 'official'), bound: { atMost: 0.1 } },
  {
    text: 'p99 latency: ours / bare undici',
    value: ratio(({ p99Ms }) => p99Ms, 'undici'),
    bound: { atMost: 2 },
  },
];

const stepGoals: Goal[] = [
  { text: 'CPU per step: ours / official', value: ratio(cpuPerUnit, 'official'), bound: { atMost: 0.5 } },
];

const codecGoals: Goal[] = [
  {
    text: 'MB per second of CPU',
    value: ({ ours }) => (ours === undefined ? undefined : megabytesPerSecond(ours)),
    bound: { atLeast: 400 },
  },
  {
    text: 'MB per second: ours / official',
    value: ratio(megabytesPerSecond, 'official'),
    bound: { atLeast: 2 },
  },
];

const sampleCounts = {
  ours: { count: 4000, warmUp: 1000 },
  undici: { count: 4000, warmUp: 1000 },
  official: { count: 800, warmUp: 100 },
};
const stepCounts = { ours: { count: 300, warmUp: 300 }, official: { count: 300, warmUp: 300 } };
const codecCounts = { ours: { count: 10, warmUp: 3 }, official: { count: 10, warmUp: 3 } };

export const workloads: readonly Workload[] = [
  {
    name: 'sample',
    title: 'Samples, 400 at once, answered at once',
    unit: 'sample',
    holdMs: 0,
    counts: sampleCounts,
    goals: sampleGoals,
  },
  {
    name: 'sample-held',
    title: 'Samples, 400 at once, each result held for 100 ms',
    unit: 'sample',
    program: 'sample',
    holdMs: 100,
    counts: sampleCounts,
    goals: sampleGoals,
  },
  {
    name: 'step',
    title: 'Training steps, 8 under way at a time',
    unit: 'step',
    holdMs: 0,
    counts: stepCounts,
    goals: stepGoals,
  },
  {
    name: 'step-burst',
    title: 'Training steps, 300 submitted at once',
    unit: 'step',
    holdMs: 0,
    counts: stepCounts,
    goals: stepGoals,
  },
  {
    name: 'encode',
    title: 'Encoding a batch that has been checked',
    unit: 'body',
    holdMs: 0,
    counts: codecCounts,
    goals: codecGoals,
  },
  {
    name: 'encode-arrays',
    title: "Encoding a batch from the caller's arrays",
    unit: 'body',
    holdMs: 0,
    counts: codecCounts,
    goals: codecGoals,
  },
  {
    name: 'decode',
    title: 'Decoding the result of that batch',
    unit: 'result',
    holdMs: 0,
    counts: { ours: { count: 50, warmUp: 20 }, official: { count: 50, warmUp: 20 } },
    goals: codecGoals,
  },
];
