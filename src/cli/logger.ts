import { createLogger, type Logger } from '../core/logger.ts';
import type { CommandContext } from './context.ts';

/** In the JSON format standard error is for one JSON error: nothing is logged unless TINKER_LOG asks for it. */
export function commandLogger({ format, environment }: CommandContext): Logger {
  const level = environment.logLevel ?? (format === 'json' ? 'silent' : 'warn');
  return createLogger(level, (line) => process.stderr.write(line));
}
