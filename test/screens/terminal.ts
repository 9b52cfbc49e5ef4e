import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
let startedCount = 0;

export interface TerminalOptions {
  columns: number;
  rows: number;
  cwd: string;
  env: Record<string, string>;
}

/** A program in a terminal of its own, which tmux draws. */
export class Terminal implements AsyncDisposable {
  /** A tmux server for each, so that no other one is touched. */
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Shows `shown` as typed at a prompt, then runs `program` with `args`; the screen stays when it ends. */
  static async start(
    shown: string,
    [program, ...args]: readonly string[],
    { columns, rows, cwd, env }: TerminalOptions,
  ): Promise<Terminal> {
    const socket = `tinker-screens-${process.pid}-${++startedCount}`;
    const script = `printf '$ %s\\n' "$0"; "$@"; tmux -L ${socket} wait-for -S ended; exec cat`;
    const size = ['-x', String(columns), '-y', String(rows)];
    const command = ['sh', '-c', script, shown, program ?? '', ...args];
    await run('tmux', ['-L', socket, '-u', '-f', '/dev/null', 'new-session', '-d', ...size, ...command], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, LANG: 'C.UTF-8', ...env },
    });
    return new Terminal(socket);
  }

  /** Keys by the names of tmux (`Enter`, `C-d`), or text. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  /** What is on the screen, without the blanks behind lines and below them. */
  async screen(): Promise<string> {
    const text = await this.#tmux('capture-pane', '-p', '-S', '-');
    return text.replaceAll(/ +$/gm, '').trimEnd();
  }

  /** The screen, once it shows `pattern`. */
  async shows(pattern: RegExp): Promise<string> {
    for (let tries = 0; tries < 300; tries++) {
      const screen = await this.screen();
      if (pattern.test(screen)) return screen;
      await wait(100);
    }
    throw new Error(`The screen does not show ${pattern}:\n${await this.screen()}`);
  }

  /** The last screen, once the program has ended. */
  async ended(): Promise<string> {
    await this.#tmux('wait-for', 'ended');
    return this.screen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server');
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-L', this.#socket, ...args]);
    return stdout;
  }
}
