import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../../src/core/budget.ts';
import { promisesSettled } from '../../helpers/settled.ts';

/** Work that runs until it is told to end. */
class Item {
  readonly amount: number;
  readonly controller = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  readonly outcome: Promise<unknown>;
  state: 'waiting' | 'running' | 'over' = 'waiting';

  constructor(budget: Budget, amount: number, onStart: (item: Item) => void = () => undefined) {
    this.amount = amount;
    this.outcome = budget
      .run(amount, this.controller.signal, () => {
        this.state = 'running';
        onStart(this);
        return this.#end.promise;
      })
      .catch((error: unknown) => error)
      .finally(() => (this.state = 'over'));
  }

  end(how: 'resolve' | 'reject'): void {
    if (how === 'resolve') this.#end.resolve();
    else this.#end.reject(new Error('the work failed'));
  }
}

describe('budget', () => {
  it('admits while the balance is not negative, whatever the amount, and then waits for room (wire-protocol 5.5)', async () => {
    const budget = new Budget(10);
    const [small, huge, next] = [new Item(budget, 10), new Item(budget, 1000), new Item(budget, 1)];
    await promisesSettled();
    expect([small.state, huge.state, next.state, budget.balance]).toEqual([
      'running',
      'running',
      'waiting',
      -1000,
    ]);
    small.end('resolve');
    await promisesSettled();
    expect([next.state, budget.balance]).toEqual(['waiting', -990]);
    huge.end('resolve');
    await promisesSettled();
    expect([next.state, budget.balance]).toEqual(['running', 9]);
  });

  it('of size n - 1 lets n calls of amount 1 run at once', async () => {
    const budget = new Budget(2);
    const items = Array.from({ length: 5 }, () => new Item(budget, 1));
    await promisesSettled();
    expect(items.filter(({ state }) => state === 'running')).toHaveLength(3);
  });

  it('rejects one that waits with the reason of its signal, and one whose signal is aborted already', async () => {
    const budget = new Budget(0);
    const [first, second] = [new Item(budget, 1), new Item(budget, 1)];
    const reason = new Error('not this one');
    second.controller.abort(reason);
    await expect(second.outcome).resolves.toBe(reason);
    await expect(budget.run(1, AbortSignal.abort(reason), () => Promise.resolve())).rejects.toBe(reason);
    first.end('resolve');
    await expect(budget.run(1, undefined, () => Promise.resolve('ran'))).resolves.toBe('ran');
  });

  it('gives the amount back when the work throws, at once or later', async () => {
    const budget = new Budget(5);
    await expect(budget.run(3, undefined, () => Promise.reject(new Error('later')))).rejects.toThrow('later');
    const throwing = budget.run(3, undefined, () => {
      throw new Error('at once');
    });
    await expect(throwing).rejects.toThrow('at once');
    expect(budget.balance).toBe(5);
  });

  it('keeps its books under any order of arrivals, ends, failures and aborts', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('arrive' as const), amount: fc.integer({ min: 0, max: 30 }) }),
      fc.record({
        do: fc.constantFrom('resolve' as const, 'reject' as const, 'abort' as const),
        which: fc.nat(20),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40 }),
        fc.array(step, { maxLength: 40 }),
        async (size, steps) => {
          const budget = new Budget(size);
          const items: Item[] = [];
          const started: Item[] = [];
          const check = (): void => {
            const running = items.filter(({ state }) => state === 'running');
            const waiting = items.filter(({ state }) => state === 'waiting');
            expect(budget.balance).toBe(size - running.reduce((sum, { amount }) => sum + amount, 0));
            // Nobody waits while there is room, and without the last of those that run there was room.
            if (waiting.length > 0) expect(budget.balance).toBeLessThan(0);
            if (running.length > 0)
              expect(
                budget.balance + Math.max(...running.map(({ amount }) => amount)),
              ).toBeGreaterThanOrEqual(0);
          };
          for (const action of steps) {
            if (action.do === 'arrive')
              items.push(new Item(budget, action.amount, (item) => started.push(item)));
            else if (action.do === 'abort')
              items.filter(({ state }) => state === 'waiting')[action.which]?.controller.abort();
            else items.filter(({ state }) => state === 'running')[action.which]?.end(action.do);
            await promisesSettled();
            check();
          }
          // They begin in the order in which they came.
          expect(started).toEqual(items.filter((item) => started.includes(item)));
          while (items.some(({ state }) => state !== 'over')) {
            for (const item of items) item.end('resolve');
            await promisesSettled();
          }
          expect(budget.balance).toBe(size);
        },
      ),
      { numRuns: 60 },
    );
  });
});
