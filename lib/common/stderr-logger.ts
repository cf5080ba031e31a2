import type { LoggerWithLevels } from './logger.js';

/** All to stderr: stdout is for what a script has to say, which may be the input of another program. Without details. */
export const stderrLogger: LoggerWithLevels = {
  log: (message) => console.warn(`[ExclusiveLock] ${message}`),
  warn: (message) => console.warn(`[ExclusiveLock] warning: ${message}`),
  error: (message) => console.error(`[ExclusiveLock] error: ${message}`),
};
