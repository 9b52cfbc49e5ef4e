// Runs every story for real and prints what came of each as a table in Markdown: `npm run stories [-- WORDS]`, where WORDS
// choose the stories that have them in their title. Waits of more than a quarter of a minute take place on a clock that is moved.
import { acts } from './acts/index.ts';
import type { Act, Sight, Story } from './story.ts';
import { Theatre } from './theatre.ts';

const wanted = process.argv.slice(2).join(' ').toLowerCase();
const chosen = Object.values(acts)
  .flat()
  .map(({ title, stories }: Act) => ({
    title,
    stories: stories.filter(({ happened }) => `${title} ${happened}`.toLowerCase().includes(wanted)),
  }))
  .filter(({ stories }) => stories.length > 0);

await using real = await Theatre.open({ isReal: true });
await using stepped = await Theatre.open({ isReal: false });
const failures: string[] = [];

print('what happened', 'what the caller saw', 'seconds', 'what to do again');
print('---', '---', '---:', '---');
for (const { title, stories } of chosen) {
  print(`**${title}**`, '', '', '');
  for (const story of stories) {
    const { saw, words, again, tookMs } = await tell(story);
    const seconds = (tookMs / 1000).toFixed(tookMs < 1000 ? 2 : 1);
    print(
      story.happened,
      words === '' ? saw : words,
      story.isLong === true ? `${seconds} (clock moved)` : seconds,
      again,
    );
    if (saw !== story.sees)
      failures.push(`${story.happened}: the caller saw ${saw}, and was to see ${story.sees}`);
  }
}
for (const failure of failures) process.stderr.write(`${failure}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function tell(story: Story): Promise<Sight> {
  await using stage = (story.isLong === true ? stepped : real).stage();
  try {
    return await story.run(stage);
  } catch (error) {
    failures.push(`${story.happened}: ${error instanceof Error ? error.message : String(error)}`);
    return { saw: 'internal', words: 'the story went otherwise', again: '', tookMs: 0 };
  }
}

function print(...cells: string[]): void {
  process.stdout.write(`| ${cells.map(toCell).join(' | ')} |\n`);
}

/** One line, without what differs from run to run. */
function toCell(text: string): string {
  const plain = text
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'SESSION')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'SERVER')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|');
  return plain.length > 240 ? `${plain.slice(0, 240)}…` : plain;
}
