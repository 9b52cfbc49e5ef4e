import { readFile } from 'node:fs/promises';

/** The differences from the official program that docs/cli.md lists, by the name in its first column. */
export async function readDocumented(): Promise<ReadonlySet<string>> {
  const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const [, section = ''] = text.split('\n## Differences from the official program\n');
  const [own = ''] = section.split('\n## ');
  return new Set([...own.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name = '']) => name));
}

/** What one text says and the other not; undefined when no known difference explains it. */
export function explainText(official: string, ours: string): readonly string[] | undefined {
  if (official === ours) return [];
  if (isTime(official) && isTime(ours) && toTime(official) === toTime(ours)) return ['time-text'];
  if (isNumber(official) && isNumber(ours) && Number(official) === Number(ours)) return ['numbers'];
  if (withPlural(official) === ours) return ['plural'];
  if (official.includes('tinker 0.') && /^tinker-ts \d+\.\d+\.\d+$/.test(ours)) return ['version'];
  if (isJsonObject(official) && isJsonObject(ours) && canonical(official) === canonical(ours))
    return ['json-text'];
  return withoutMarkup(ours) === official ? ['markup'] : undefined;
}

/** Where two JSON documents differ without a reason that is written down, and the reasons that were met. */
export interface Findings {
  reasons: Set<string>;
  problems: string[];
}

/** Compares field by field; the order of fields counts too. */
export function compareJson(official: unknown, ours: unknown, findings: Findings, path = ''): void {
  if (Array.isArray(official) && Array.isArray(ours)) {
    if (official.length !== ours.length)
      findings.problems.push(`${path}: ${official.length} items, ours ${ours.length}`);
    official.forEach((item, index) => compareJson(item, ours[index], findings, `${path}[${index}]`));
    return;
  }
  if (isRecord(official) && isRecord(ours)) {
    compareRecords(official, ours, findings, path);
    return;
  }
  const reasons =
    typeof official === 'string' && typeof ours === 'string'
      ? explainText(official, ours)
      : official === ours
        ? []
        : undefined;
  for (const reason of reasons ?? []) findings.reasons.add(reason);
  if (reasons === undefined)
    findings.problems.push(`${path}: ${JSON.stringify(official)}, ours ${JSON.stringify(ours)}`);
}

function compareRecords(
  official: Record<string, unknown>,
  ours: Record<string, unknown>,
  findings: Findings,
  path: string,
): void {
  const isCheckpoint = 'checkpoint_id' in official && 'tinker_path' in official;
  const extra = Object.keys(ours).filter((name) => !(name in official));
  const undocumented = extra.filter((name) => !(isCheckpoint && name === 'base_model'));
  if (extra.length > undocumented.length) findings.reasons.add('base-model');
  if (undocumented.length > 0) findings.problems.push(`${path}: ours also has ${undocumented.join(', ')}`);
  const shared = Object.keys(ours).filter((name) => name in official);
  if (Object.keys(official).join() !== shared.join())
    findings.problems.push(`${path}: fields ${Object.keys(official).join()}, ours ${shared.join()}`);
  for (const [name, value] of Object.entries(official))
    compareJson(value, ours[name], findings, `${path}.${name}`);
}

/** Compares tables cell by cell and plain lines line by line; frames too, unless a cell explains another width. */
export function compareLines(official: string, ours: string, findings: Findings): void {
  const [theirs, own] = [toLines(official), toLines(atSameTime(official, ours))];
  if (theirs.length !== own.length) {
    findings.problems.push(`${theirs.length} lines, ours ${own.length}`);
    return;
  }
  const before = findings.reasons.size;
  theirs.forEach((line, index) => {
    const cells = toCells(line);
    const ownCells = toCells(own[index] ?? '');
    if (cells.length !== ownCells.length) {
      findings.problems.push(`line ${index + 1}: ${line}, ours ${own[index]}`);
      return;
    }
    cells.forEach((cell, column) => compareJson(cell, ownCells[column], findings, `line ${index + 1}`));
  });
  if (findings.reasons.size === before && theirs.join('\n') !== own.join('\n'))
    findings.problems.push('the frame or the spaces differ');
}

const age = /\b(\d+) (minute|hour|day|week)s? ago/g;

/** The two programs looked at the clock a moment apart: an age that differs by one is the same. */
function atSameTime(official: string, ours: string): string {
  const ages = [...official.matchAll(age)].values();
  return ours.replaceAll(age, (text, count: string, unit: string) => {
    const [theirs = '', theirCount, theirUnit] = ages.next().value ?? [];
    const isSame = theirUnit === unit && Math.abs(Number(theirCount) - Number(count)) === 1;
    return isSame && theirs.length === text.length ? theirs : text;
  });
}

function toLines(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** A frame counts as its corners and crossings: how many columns, not how wide. */
function toCells(line: string): string[] {
  if (/^[┏┡└]/.test(line)) return [line.replaceAll(/[━─]+/g, '')];
  return line.split(/[│┃]/).map((cell) => cell.trim());
}

/** `2 hourly usage row(s)` as English has it. */
function withPlural(text: string): string {
  return text.replaceAll(
    /\b(\d+)( [a-z ]+)\(s\)/g,
    (_, count: string, noun: string) => `${count}${noun}${count === '1' ? '' : 's'}`,
  );
}

function withoutMarkup(text: string): string {
  return text.replaceAll(/\[[a-z]+\]/g, '');
}

function isJsonObject(text: string): boolean {
  return text.startsWith('{') && text.endsWith('}');
}

function canonical(json: string): string {
  return JSON.stringify(JSON.parse(json));
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$/.test(text);
}

function toTime(text: string): number {
  return Date.parse(text.replace(' ', 'T').replace('+00:00', 'Z'));
}

function isNumber(text: string): boolean {
  return /^-?\d[\d.]*(e[+-]?\d+)?$/.test(text);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
