import type { Counterpart } from './counterparts.ts';
import { findResult, type ProgramResults, type Result } from './results.ts';

interface PageInput {
  official: readonly ProgramResults[];
  ours: readonly ProgramResults[];
  cookbook: readonly ProgramResults[];
  counterparts: readonly Counterpart[];
}

/** Groups of the official results that are no methods. */
const otherGroups = { loss: 'Losses', scenario: 'Programs', command: 'Commands' };

/** The whole of docs/compatibility.md. */
export function toPage({ official, ours, cookbook, counterparts }: PageInput): string {
  const notes = new Notes();
  const rows = counterparts.map((row) => [
    `\`${row.group}.${row.name}\``,
    ...official.map(({ results }) => notes.cell(merged(results, row))),
    row.members.map(({ name }) => `\`${name}\``).join(', ') || 'none',
    ...ours.map(({ results }) => notes.cell(worst(results, row.members))),
  ]);
  const head = [
    'Method',
    ...official.map(({ program }) => program),
    'ours',
    ...ours.map(({ program }) => program),
  ];
  const others = Object.entries(otherGroups).map(([group, title]) =>
    toSection(title, group, official, notes),
  );
  return `${[
    '# Compatibility',
    'What was seen when programs ran; this page is made from their results by `npm run compatibility`. The official SDK, its command line and the cookbook run unmodified against `tinker-ts serve` (`npm run test:python`, `npm run test:cookbook`), and our client against that and against SkyRL (`npm run test:skyrl`).',
    '**yes**: it did what it says. **refused**: the server says by name that it does not have it. **cannot**: the program itself is not able to. **–**: this version has no such thing. Every method is tried in its blocking and its `_async` form where there are both; numbers lead to the reasons below.',
    '## Methods',
    toTable(head, rows),
    ...others,
    toOurScenarios(ours, notes),
    toCookbook(cookbook),
    '## Reasons',
    notes.toString(),
  ].join('\n\n')}\n`;
}

/** The method and its `_async` twin as one: what is worse counts. */
function merged(results: readonly Result[], { group, name }: Counterpart): Result | undefined {
  return worst(results, [
    { group, name },
    { group, name: `${name}_async` },
  ]);
}

function worst(
  results: readonly Result[],
  members: readonly { group: string; name: string }[],
): Result | undefined {
  const found = members.flatMap(({ group, name }) => findResult(results, group, name) ?? []);
  return found.find(({ state }) => state !== 'pass') ?? found[0];
}

function toSection(title: string, group: string, programs: readonly ProgramResults[], notes: Notes): string {
  const names = programs.flatMap(({ results }) => results).filter((result) => result.group === group);
  const rows = [...new Set(names.map(({ name }) => name))].map((name) => [
    group === 'scenario' ? name : `\`${name}\``,
    ...programs.map(({ results }) => notes.cell(findResult(results, group, name))),
  ]);
  return `## ${title}\n\n${toTable(['', ...programs.map(({ program }) => program)], rows)}`;
}

function toOurScenarios(ours: readonly ProgramResults[], notes: Notes): string {
  return toSection('Our client in programs', 'scenario', ours, notes);
}

function toCookbook(cookbook: readonly ProgramResults[]): string {
  const rows = cookbook.flatMap(({ program, results }) =>
    results.map(({ name, state }) => [program, name, words[state]]),
  );
  return `## Cookbook\n\n${toTable(['Program', 'Loop', ''], rows)}`;
}

const words = { pass: 'yes', refused: 'refused', cannot: 'cannot', fail: 'no' } as const;

/** Reasons by number, each once. */
class Notes {
  readonly #texts: string[] = [];

  cell(result: Result | undefined): string {
    if (result === undefined) return '–';
    const { state, note } = result;
    if (state === 'pass') return words.pass;
    if (!this.#texts.includes(note)) this.#texts.push(note);
    return `${words[state]} ${this.#texts.indexOf(note) + 1}`;
  }

  toString(): string {
    return this.#texts
      .map((text, index) => `${index + 1}. ${text.replaceAll('<', '‹').replaceAll('>', '›')}`)
      .join('\n');
  }
}

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
