import { describe, expect, it } from 'vitest';
import { Emitter } from '../../../src/core/emitter.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';

interface Events {
  tick: { n: number };
  state: { name: string };
}

function setUp() {
  const logger = recordingLogger();
  return { logger, emitter: new Emitter<Events>(logger, { replay: ['state'] }) };
}

describe('Emitter', () => {
  it('calls listeners until they are removed, by function, by off or by signal', () => {
    const { emitter } = setUp();
    const seen: string[] = [];
    const controller = new AbortController();
    const byOff = ({ n }: Events['tick']): void => void seen.push(`off ${n}`);
    const remove = emitter.on('tick', ({ n }) => seen.push(`function ${n}`));
    emitter.on('tick', byOff);
    emitter.on('tick', ({ n }) => seen.push(`signal ${n}`), { signal: controller.signal });
    emitter.emit('tick', { n: 1 });
    remove();
    emitter.off('tick', byOff);
    controller.abort();
    emitter.emit('tick', { n: 2 });
    expect(seen).toEqual(['function 1', 'off 1', 'signal 1']);
  });

  it('calls a once listener once', () => {
    const { emitter } = setUp();
    let calls = 0;
    emitter.once('tick', () => calls++);
    emitter.emit('tick', { n: 1 });
    emitter.emit('tick', { n: 2 });
    expect(calls).toBe(1);
  });

  it('goes on after a listener that throws, and logs it', () => {
    const { emitter, logger } = setUp();
    let reached = false;
    emitter.on('tick', () => {
      throw new Error('listener bug');
    });
    emitter.on('tick', () => (reached = true));
    emitter.emit('tick', { n: 1 });
    expect(reached).toBe(true);
    expect(logger.lines).toEqual([{ level: 'error', message: 'a listener of tick threw' }]);
  });

  it('tells a new listener the latest state, and no latest occurrence', () => {
    const { emitter } = setUp();
    const seen: unknown[] = [];
    emitter.emit('tick', { n: 1 });
    emitter.emit('state', { name: 'old' });
    emitter.emit('state', { name: 'new' });
    emitter.on('tick', (event) => seen.push(event));
    emitter.on('state', (event) => seen.push(event));
    emitter.once('state', (event) => seen.push(event));
    expect(seen).toEqual([{ name: 'new' }, { name: 'new' }]);
  });

  it('streams events, the wanted ones, until its end', async () => {
    const { emitter } = setUp();
    const all = Array.fromAsync(emitter.events());
    const ticks = Array.fromAsync(emitter.events({ types: ['tick'] }));
    emitter.emit('state', { name: 'a' });
    emitter.emit('tick', { n: 1 });
    emitter.end();
    expect(await all).toEqual([
      { type: 'state', name: 'a' },
      { type: 'tick', n: 1 },
    ]);
    expect(await ticks).toEqual([{ type: 'tick', n: 1 }]);
    expect(await Array.fromAsync(emitter.events())).toEqual([]);
  });

  it('tells a slow stream how many events it missed', async () => {
    const { emitter } = setUp();
    const stream = emitter.events({ types: ['tick'], capacity: 2 });
    for (let n = 1; n <= 5; n++) emitter.emit('tick', { n });
    emitter.end();
    expect(await Array.fromAsync(stream)).toEqual([
      { type: 'events.dropped', count: 3 },
      { type: 'tick', n: 4 },
      { type: 'tick', n: 5 },
    ]);
  });

  it('ends a stream by its signal and by leaving the loop', async () => {
    const { emitter } = setUp();
    const controller = new AbortController();
    const stream = Array.fromAsync(emitter.events({ signal: controller.signal }));
    controller.abort();
    expect(await stream).toEqual([]);
    emitter.emit('state', { name: 'x' });
    for await (const event of emitter.events()) {
      expect(event).toEqual({ type: 'state', name: 'x' });
      break;
    }
  });
});
