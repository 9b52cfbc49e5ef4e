import {
  createActor,
  type Actor,
  type AnyStateMachine,
  type AnyStateNode,
  type InputFrom,
  type InspectionEvent,
} from 'xstate';
import type { Clock } from '../../src/core/clock.ts';

/** Which leaf states of a machine the actors of a test file have been in, transient ones included. */
export class StateVisits<Machine extends AnyStateMachine> {
  readonly #machine: Machine;
  readonly #visited = new Set<string>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Starts an actor whose every step counts. Its crash, if any, is kept for the test in its snapshot. */
  start(input: InputFrom<Machine>, clock: Clock): Actor<Machine> {
    const actor: Actor<Machine> = createActor(this.#machine, {
      input,
      clock,
      inspect: (event: InspectionEvent) => {
        if ('snapshot' in event) this.#note(event.snapshot);
      },
    });
    actor.subscribe({ error: () => undefined });
    return actor.start();
  }

  /** Leaf states that no actor has been in. */
  missing(): string[] {
    return leafStates(this.#machine.root).filter((id) => !this.#visited.has(id));
  }

  #note(snapshot: unknown): void {
    if (typeof snapshot !== 'object' || snapshot === null || !('_nodes' in snapshot)) return;
    for (const node of snapshot._nodes as AnyStateNode[]) this.#visited.add(node.id);
  }
}

function leafStates(node: AnyStateNode): string[] {
  const children = Object.values(node.states);
  return children.length === 0 ? [node.id] : children.flatMap(leafStates);
}
