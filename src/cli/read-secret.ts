import { text } from 'node:stream/consumers';
import type { CommandContext } from './context.ts';

/** Asks for a secret, shown as `*`; piped input is read whole. Rejects with the signal's reason. */
export async function readSecret(context: CommandContext, question: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).trim();
  process.stderr.write(question);
  try {
    return (await readMasked(context)).trim();
  } finally {
    process.stderr.write('\n');
  }
}

const enter = new Set(['\r', '\n', '\u0004']);
const erase = new Set(['\u007f', '\b']);

function readMasked({ signal, interrupt }: CommandContext): Promise<string> {
  const { stdin } = process;
  stdin.setRawMode(true).setEncoding('utf8').resume();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let typed = '';
  const onData = (characters: string): void => {
    for (const character of characters) {
      if (enter.has(character)) return resolve(typed);
      // In raw mode the terminal hands Ctrl-C to the program as a key.
      if (character === '\u0003') return interrupt();
      if (erase.has(character)) {
        if (typed !== '') process.stderr.write('\b \b');
        typed = typed.slice(0, -1);
      } else if (character >= ' ') {
        typed += character;
        process.stderr.write('*');
      }
    }
  };
  const onAbort = (): void => reject(signal.reason);
  stdin.on('data', onData);
  signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    stdin.off('data', onData).setRawMode(false).pause();
    signal.removeEventListener('abort', onAbort);
  });
}
