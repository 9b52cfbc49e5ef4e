import { format, median, renderTable } from '../render.ts';
import { subjectNames, type Measurement, type Round, type Workload } from './catalogue.ts';

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
        const measured = rounds.map((round) => round[subject]).filter((value) => value !== undefined);
        const seconds = (name: keyof Measurement): string => spread(measured, name, ' s');
        return [
          workload.title,
          subjectNames[subject],
          seconds('wallSeconds'),
          subject === 'ours' ? seconds('callSeconds') : '',
        ];
      }),
    );
  return renderTable(['Workload', 'Subject', 'Whole command', 'The call alone'], rows);
}

/** What many downloads at once cost the process that downloads. */
export function renderMany(results: readonly Rounds[]): string {
  const rows = results
    .filter(({ workload }) => workload.many !== undefined)
    .map(({ workload, rounds }) => {
      const measured = rounds.map(({ ours }) => ours).filter((value) => value !== undefined);
      return [
        workload.title,
        spread(measured, 'callSeconds', ' s'),
        spread(measured, 'memoryMegabytes', ' MB'),
        spread(measured, 'delayP999Ms', ' ms'),
        spread(measured, 'delayMaximumMs', ' ms'),
      ];
    });
  return renderTable(
    ['Workload', 'Time', 'Peak memory above idle', 'Event loop delay, p99.9', 'Longest delay'],
    rows,
  );
}

function spread(measured: readonly Measurement[], name: keyof Measurement, unit: string): string {
  const values = measured.map((measurement) => measurement[name]).filter((value) => value !== undefined);
  if (values.length === 0) return 'failed';
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${format(middle)}${unit} (${format(least)} to ${format(most)})`;
}

/** The README's table: the median of each, and the ratio within the rounds. */
export function renderSummary(results: readonly Rounds[]): string {
  const rows = results.flatMap(({ workload, rounds }) =>
    workload.subjects
      .filter((subject) => subject !== 'ours')
      .map((subject) => {
        const pairs = rounds.flatMap(({ ours, [subject]: other }) =>
          ours === undefined || other === undefined ? [] : [[ours.wallSeconds, other.wallSeconds] as const],
        );
        if (pairs.length === 0) return [workload.title, subjectNames[subject], 'failed', '', ''];
        return [
          workload.title,
          subjectNames[subject],
          `${format(median(pairs.map(([ours]) => ours)))} s`,
          `${format(median(pairs.map(([, other]) => other)))} s`,
          format(median(pairs.map(([ours, other]) => ours / other))),
        ];
      }),
  );
  return renderTable(['Workload', 'Rival', 'This SDK', 'The rival', 'Ratio'], rows);
}
