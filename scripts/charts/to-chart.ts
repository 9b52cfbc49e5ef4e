import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** A machine as a Markdown page: a diagram that GitHub draws, and what runs in each state. Same machine, same text. */
export function toChart(machine: AnyStateMachine): string {
  const root = machine.root;
  return [
    `# The ${machine.id} machine`,
    '',
    'Made from the machine by `npm run charts`; a test checks that it is current.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    ...drawChildren(root, '  '),
    '```',
    '',
    '| State | What runs | Accepts |',
    '| --- | --- | --- |',
    ...describe(root),
    '',
  ].join('\n');
}

function drawChildren(node: AnyStateNode, indent: string): string[] {
  const lines: string[] = [];
  const children = Object.values(node.states);
  if (node.type !== 'parallel' && node.initial !== undefined) {
    for (const target of node.initial.target) lines.push(`${indent}[*] --> ${toName(target)}`);
  }
  children.forEach((child, index) => {
    if (node.type === 'parallel' && index > 0) lines.push(`${indent}--`);
    if (Object.keys(child.states).length > 0) {
      lines.push(`${indent}state ${toName(child)} {`, ...drawChildren(child, `${indent}  `), `${indent}}`);
    } else if (node.type === 'parallel') {
      lines.push(`${indent}${toName(child)}`);
    }
    for (const transition of transitionsOf(child)) {
      for (const target of transition.target ?? []) {
        lines.push(`${indent}${toName(child)} --> ${toName(target)} : ${toLabel(transition)}`);
      }
    }
    if (child.type === 'final') lines.push(`${indent}${toName(child)} --> [*]`);
  });
  return lines;
}

function describe(node: AnyStateNode): string[] {
  return Object.values(node.states).flatMap((child) => {
    const runs =
      child.invoke.map(({ id }) => `\`${id}\``).join(', ') || (child.type === 'final' ? 'final' : '-');
    const tags = child.tags.length === 0 ? '' : ` (${child.tags.join(', ')})`;
    const accepts = [...new Set(transitionsOf(child).map(({ eventType }) => toEventName(eventType)))];
    return [`| ${toPath(child)}${tags} | ${runs} | ${accepts.join(', ') || '-'} |`, ...describe(child)];
  });
}

function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function toPath(node: AnyStateNode): string {
  return node.path.join('.');
}

function toName(node: AnyStateNode): string {
  return node.path.join('_');
}

function toLabel({ eventType, guard }: AnyTransitionDefinition): string {
  const name = toEventName(eventType);
  const condition = toCondition(guard);
  return condition === '' ? name : `${name} [${condition}]`;
}

function toEventName(eventType: string): string {
  if (eventType === '') return 'always';
  const after = /^xstate\.after\.([^.]+)\./.exec(eventType);
  if (after !== null) return `after ${after[1]}`;
  const actor = /^xstate\.(done|error)\.actor\.(.+)$/.exec(eventType);
  return actor === null
    ? eventType
    : `${actor[2] === '*' ? 'any child' : actor[2]} ${actor[1] === 'done' ? 'done' : 'crashed'}`;
}

/** A named guard by its name, an inline one by what it checks: the expression without the arrow. */
function toCondition(guard: unknown): string {
  if (guard === undefined) return '';
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'object' && guard !== null && 'type' in guard) return String(guard.type);
  if (typeof guard === 'function') {
    if ('guards' in guard && Array.isArray(guard.guards))
      return `not ${guard.guards.map(toCondition).join(', ')}`;
    const [, body = ''] = String(guard).split('=>');
    return body.replaceAll(/\s+/g, ' ').replaceAll('"', "'").replaceAll(/[:;]/g, ',').trim();
  }
  return '';
}
