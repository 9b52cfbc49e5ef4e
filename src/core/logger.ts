/** Where this package writes what a person may want to read. Fields are small plain facts, never keys or signed URLs. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A logger that writes one line for each message of `level` and above. */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const threshold = logLevels.indexOf(level);
  const at = (own: Exclude<LogLevel, 'silent'>) => (message: string, fields?: Record<string, unknown>) => {
    if (logLevels.indexOf(own) < threshold) return;
    const suffix = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
    write(`tinker-ts ${own}: ${message}${suffix}\n`);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Writes to standard error, which leaves standard output to the program. */
export function stderrLogger(level: LogLevel): Logger {
  return createLogger(level, (line) => process.stderr.write(line));
}
