import { format, median, renderTable } from '../render.ts';
import { secondsOf, subjectNames, type Measurement, type Round, type Workload } from './catalogue.ts';

/** The rounds of one workload. */
export interface Rounds {
  workload: Workload;
  rounds: readonly Round[];
}

/** What was measured, as a Markdown table: medians of the rounds, with the least and the most. */
export function renderDownloads(results: readonly Rounds[]): string {
  const rows = results
    .filter(({ workload }) => workload.many === undefined)
    .flatMap(({ workload, rounds }) =>
      workload.subjects.map((subject) => {
        const times = rounds.map((round) => secondsOf(subject, round[subject]));
        return [workload.title, subjectNames[subject], spread(times, ' s')];
      }),
    );
  return renderTable(['Workload', 'Subject', 'Time'], rows);
}

/** What many downloads at once cost the process that downloads. */
export function renderMany(results: readonly Rounds[]): string {
  const rows = results
    .filter(({ workload }) => workload.many !== undefined)
    .map(({ workload, rounds }) => {
      const of = (name: keyof Measurement, unit: string): string =>
        spread(
          rounds.map(({ ours }) => ours?.[name]),
          unit,
        );
      return [
        workload.title,
        of('callSeconds', ' s'),
        of('memoryMegabytes', ' MB'),
        of('delayP999Ms', ' ms'),
        of('delayMaximumMs', ' ms'),
      ];
    });
  return renderTable(
    ['Workload', 'Time', 'Peak memory above idle', 'Event loop delay, p99.9', 'Longest delay'],
    rows,
  );
}

function spread(measured: ReadonlyArray<number | undefined>, unit: string): string {
  const values = measured.filter((value) => value !== undefined);
  if (values.length === 0) return 'failed';
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${format(middle)}${unit} (${format(least)} to ${format(most)})`;
}

/** The README's table: the median of each, and the ratio within the rounds. */
export function renderSummary(results: readonly Rounds[]): string {
  const rows = results.flatMap(({ workload, rounds }) =>
    workload.subjects
      .filter((subject) => subject !== 'ours' && subject !== 'cli')
      .map((subject) => {
        const pairs = rounds.flatMap(({ cli, [subject]: other }) =>
          cli === undefined || other === undefined ? [] : [[cli.wallSeconds, other.wallSeconds] as const],
        );
        if (pairs.length === 0) return [workload.title, subjectNames[subject], 'failed', '', ''];
        return [
          workload.title,
          subjectNames[subject],
          `${format(median(pairs.map(([own]) => own)))} s`,
          `${format(median(pairs.map(([, other]) => other)))} s`,
          format(median(pairs.map(([own, other]) => own / other))),
        ];
      }),
  );
  return renderTable(['Workload', 'Rival', 'tinker-ts', 'The rival', 'Ratio'], rows);
}
