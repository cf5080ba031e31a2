import type { LoggerWithLevels } from './logger.js';

/** Logs to stderr, since the stdout of a script may be the input of another program. Logs no details. */
export const stderrLogger: LoggerWithLevels = {
  log: (message) => console.warn(`[ExclusiveLock] ${message}`),
  warn: (message) => console.warn(`[ExclusiveLock] warning: ${message}`),
  error: (message) => console.error(`[ExclusiveLock] error: ${message}`),
};
