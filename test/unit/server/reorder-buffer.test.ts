import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReorderBuffer } from '../../../src/server/reorder-buffer.ts';

describe('ReorderBuffer', () => {
  it('makes every number ready once and in order, whatever the order of arrival and whichever are refused', () => {
    const arrivals = fc
      .integer({ min: 1, max: 40 })
      .chain((count) =>
        fc.shuffledSubarray(
          Array.from({ length: count }, (_, index) => index + 1),
          { minLength: count },
        ),
      )
      .chain((order) => fc.tuple(fc.constant(order), fc.array(fc.boolean(), { minLength: order.length })));
    fc.assert(
      fc.property(arrivals, ([order, refusals]) => {
        const buffer = new ReorderBuffer<number>();
        const isRefused = (seqId: number): boolean => refusals[seqId - 1] === true;
        const ran = order.flatMap((seqId) =>
          isRefused(seqId) ? buffer.refuse(seqId) : buffer.offer(seqId, seqId).ready,
        );
        expect(ran).toEqual(order.filter((seqId) => !isRefused(seqId)).sort((a, b) => a - b));
        expect(buffer.missing).toBeUndefined();
      }),
    );
  });

  it('holds chunks 2 and 3 until 1 has come', () => {
    const buffer = new ReorderBuffer<string>();
    expect(buffer.offer(2, 'b').ready).toEqual([]);
    expect(buffer.offer(3, 'c').ready).toEqual([]);
    expect(buffer.missing).toBe(1);
    expect(buffer.isHeld(3)).toBe(true);
    expect(buffer.offer(1, 'a').ready).toEqual(['a', 'b', 'c']);
  });

  it('judges the repeat of a refused number afresh', () => {
    const buffer = new ReorderBuffer<string>();
    expect(buffer.refuse(1)).toEqual([]);
    expect(buffer.offer(2, 'b').ready).toEqual(['b']);
    expect(buffer.offer(1, 'a')).toEqual({ late: false, ready: ['a'] });
    expect(buffer.offer(1, 'a')).toEqual({ late: true, ready: [] });
  });

  it('takes the repeat of a refused number that has not had its turn', () => {
    const buffer = new ReorderBuffer<string>();
    buffer.refuse(2);
    buffer.offer(2, 'b');
    expect(buffer.offer(1, 'a').ready).toEqual(['a', 'b']);
  });

  it('gives up a gap: hands back what was held, goes on after it, and takes the missing one no more', () => {
    const buffer = new ReorderBuffer<string>();
    buffer.offer(4, 'd');
    buffer.offer(2, 'b');
    expect(buffer.abandon()).toEqual(['b', 'd']);
    expect(buffer.offer(1, 'a')).toEqual({ late: true, ready: [] });
    expect(buffer.offer(5, 'e').ready).toEqual(['e']);
  });

  it('waits for nothing while only refused numbers lie ahead', () => {
    const buffer = new ReorderBuffer<string>();
    buffer.refuse(5);
    expect(buffer.missing).toBeUndefined();
  });
});
