import { ConnectionError } from '../core/errors.ts';

/** No answer came from `origin`. The system's code is told where its message, which may be empty, does not name it. */
export function toUnreachable(
  origin: string,
  { message, code }: { message: string; code?: unknown },
  cause: unknown,
): ConnectionError {
  const shownCode = typeof code === 'string' && !message.includes(code) ? `(${code})` : '';
  const why = [message, shownCode].filter((part) => part !== '').join(' ');
  return new ConnectionError(`Could not reach ${origin}: ${why}`, { cause });
}
