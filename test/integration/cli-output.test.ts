import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';

const streams = new URL('../../src/cli/standard-streams.ts', import.meta.url).href;

/** A process that runs `script` with `writeDirectly`; it gets no input before its end. */
function start(script: string) {
  const source = `import { writeDirectly } from '${streams}';\n${script}`;
  return spawn(process.execPath, ['--input-type=module', '--eval', source]);
}

describe('what is written around the streams of Node (CLI-4)', () => {
  it('arrives whole where the pipe does not take it at once', async () => {
    // The stream, once it is there, has made the pipe one that does not block.
    const child = start("process.stdout; writeDirectly('stdout', 'ä'.repeat(1_000_000));");
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect(output).toBe('ä'.repeat(1_000_000));
    expect(child.exitCode).toBe(0);
  });

  it('ends the program quietly where nobody reads', async () => {
    const child = start("process.stdin.on('end', () => writeDirectly('stdout', 'help')).resume();");
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.end();
    const [complaint] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(complaint).toBe('');
    expect(child.exitCode).toBe(0);
  });
});
