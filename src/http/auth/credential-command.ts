import type { Clock } from '../../core/clock.ts';
import { withDeadline } from '../../core/deadline.ts';
import { TinkerError } from '../../core/errors.ts';

const limitMs = 60_000;
/** A credential is a line; a command that prints more is not the one that was meant. */
const maxOutputLength = 64 * 1024;

/**
 * What the command prints, trimmed. It is run by the shell, without input. What it prints may be a credential even when it
 * fails, so neither output nor command is ever part of an error.
 */
export function runCredentialCommand(command: string, clock: Clock, signal?: AbortSignal): Promise<string> {
  return withDeadline('the credential command', { signal, timeoutMs: limitMs }, clock, (own) =>
    run(command, own),
  );
}

async function run(command: string, signal: AbortSignal | undefined): Promise<string> {
  const { spawn } = await import('node:child_process');
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
    let output = '';
    const stop = (reason: unknown): void => {
      reject(reason);
      child.kill();
      // What the shell has started may hold the pipe open.
      child.stdout.destroy();
    };
    const onAbort = (): void => stop(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > maxOutputLength) stop(failure('printed more than a credential'));
    });
    child.on('error', ({ code }: NodeJS.ErrnoException) =>
      stop(failure(`could not be started (${code ?? 'unknown reason'})`)),
    );
    child.on('close', (code, killedBy) => {
      signal?.removeEventListener('abort', onAbort);
      const credential = output.trim();
      if (code !== 0)
        reject(failure(`ended with ${code === null ? `signal ${killedBy}` : `exit code ${code}`}`));
      else if (credential === '') reject(failure('printed nothing'));
      else resolve(credential);
    });
  });
}

function failure(what: string): TinkerError {
  return new TinkerError(
    'credential_unavailable',
    `The credential command (TINKER_CREDENTIAL_CMD or credentialCommand) ${what}`,
  );
}
