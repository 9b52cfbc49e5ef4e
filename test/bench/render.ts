import os from 'node:os';
import {
  cpuPerUnit,
  megabytesPerSecond,
  type Goal,
  type Round,
  type Subject,
  type Workload,
} from './catalogue.ts';
import type { Measurement } from './measure.ts';

/** The rounds of one workload. */
export interface Rounds {
  workload: Workload;
  rounds: readonly Round[];
}

const subjectNames: Record<Subject, string> = {
  ours: 'this SDK',
  undici: 'bare undici',
  official: 'official SDK',
};
const subjects: readonly Subject[] = ['ours', 'undici', 'official'];

/** What was measured, as a Markdown table: medians of the rounds, with the least and the most. */
export function renderMeasurements(results: readonly Rounds[]): string {
  const rows = results.flatMap(({ workload, rounds }) =>
    subjects.flatMap((subject) => {
      const measured = rounds
        .map((round) => round[subject])
        .filter((measurement) => measurement !== undefined);
      return measured.length === 0 ? [] : [toRow(workload, subject, measured)];
    }),
  );
  return renderTable(['Workload', 'Subject', 'CPU each', 'Rate', 'p50', 'p99'], rows);
}

function toRow(workload: Workload, subject: Subject, measured: readonly Measurement[]): string[] {
  const cpu = measured.map((measurement) => cpuPerUnit(measurement) * 1000);
  const counted = measured.some(({ bytesPerUnit }) => bytesPerUnit !== undefined);
  const rate = counted
    ? `${format(median(measured.map(megabytesPerSecond)))} MB/s`
    : `${format(median(measured.map(({ unitCount, wallSeconds }) => unitCount / wallSeconds)))}/s`;
  return [
    workload.title,
    subjectNames[subject],
    `${format(median(cpu))} ms (${format(Math.min(...cpu))} to ${format(Math.max(...cpu))})`,
    rate,
    `${format(median(measured.map(({ p50Ms }) => p50Ms)))} ms`,
    `${format(median(measured.map(({ p99Ms }) => p99Ms)))} ms`,
  ];
}

/** What a goal is judged by, whatever a round holds. */
interface JudgedGoal<OneRound> {
  text: string;
  value: (round: OneRound) => number | undefined;
  bound: Goal['bound'];
}

interface JudgedRounds<OneRound> {
  workload: { title: string; goals: readonly JudgedGoal<OneRound>[] };
  rounds: readonly OneRound[];
}

/** Each goal with the median of its value over the rounds, and whether that meets it. */
export function renderGoals<OneRound>(results: readonly JudgedRounds<OneRound>[]): string {
  const rows = results.flatMap(({ workload, rounds }) =>
    workload.goals.flatMap((goal) => toGoalRow(workload.title, goal, rounds)),
  );
  return renderTable(['Workload', 'Goal', 'Wanted', 'Measured', 'Met'], rows);
}

function toGoalRow<OneRound>(
  title: string,
  goal: JudgedGoal<OneRound>,
  rounds: readonly OneRound[],
): string[][] {
  const values = rounds.map(goal.value).filter((value) => value !== undefined);
  if (values.length === 0) return [];
  const middle = median(values);
  const { bound } = goal;
  const met = 'atMost' in bound ? middle <= bound.atMost : middle >= bound.atLeast;
  const wanted = 'atMost' in bound ? `at most ${bound.atMost}` : `at least ${bound.atLeast}`;
  const range = `${format(middle)} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
  return [[title, goal.text, wanted, range, met ? 'yes' : 'no']];
}

/** What the numbers were measured with. */
export function renderConditions(results: readonly Rounds[], roundCount: number): string {
  const versionOf = (subject: Subject): string | undefined =>
    results
      .flatMap(({ rounds }) => rounds.map((round) => round[subject]?.version))
      .find((version) => version !== undefined);
  const named = [
    `Node ${process.versions.node}`,
    ...subjects.map((subject) => `${subjectNames[subject]} ${versionOf(subject) ?? '(not measured)'}`),
    `${os.cpus().length} cores`,
    `medians of ${roundCount} interleaved rounds, in brackets the least and the most`,
  ];
  return `${new Date().toISOString().slice(0, 10)}: ${named.join(', ')}.`;
}

export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(Math.max(width, 3)));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Three digits that count, and never an exponent. */
export function format(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
}
