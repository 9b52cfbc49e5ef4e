import { createLogger, type Logger } from '../core/logger.ts';
import { isJson, type CommandContext } from './context.ts';

/** In the JSON formats standard error is for one JSON error: nothing is logged unless TINKER_LOG asks for it. */
export function commandLogger({ format, environment }: CommandContext): Logger {
  const level = environment.logLevel ?? (isJson(format) ? 'silent' : 'warn');
  return createLogger(level, (line) => process.stderr.write(line));
}
