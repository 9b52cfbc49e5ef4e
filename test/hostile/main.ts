// Tries an archive of every hostile kind, and exports with hostile file names, through the public downloads, and prints what
// came of each as a table: `npm run hostile [-- WORDS]`, where WORDS choose those that have them in their row.
// Ends with 1 when one is judged otherwise than it must be, or anything outside its own folder was touched.
import { isGood, Trial, type Finding } from './trial.ts';

const wanted = process.argv.slice(2).join(' ').toLowerCase();
await using trial = await Trial.open();
const findings = [...(await trial.archives()), ...(await trial.exports())];
const chosen = findings.filter(({ name, served, verdict }) =>
  `${name} ${served} ${verdict}`.toLowerCase().includes(wanted),
);

print('what', 'served', 'verdict', 'message', 'touched outside');
print('---', '---', '---', '---', '---');
for (const { name, served, verdict, message, touched } of chosen)
  print(name, served, verdict, message, touched.length === 0 ? 'nothing' : touched.join(', '));
const wrong = chosen.filter((finding) => !isGood(finding));
for (const finding of wrong) process.stderr.write(`${describe(finding)}\n`);
process.stdout.write(`\n${chosen.length} tried, ${wrong.length} not as they must be\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;

function describe({ name, served, expected, verdict, touched }: Finding): string {
  return `${name}, ${served}: ${verdict}, and must be ${expected}; touched: ${touched.join(', ') || 'nothing'}`;
}

function print(...cells: string[]): void {
  process.stdout.write(`| ${cells.map(toCell).join(' | ')} |\n`);
}

/** One line without control characters and without what differs from run to run. */
function toCell(text: string): string {
  const plain = text
    .replaceAll(/\/\S*tinker-hostile-\w+/g, 'FOLDER')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'SERVER')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .replaceAll('|', '\\|');
  return plain.length > 160 ? `${plain.slice(0, 160)}…` : plain;
}
