import { refuse } from './check-options.js';
import { LockConfigurationError } from './errors.js';
import { messages } from './messages.js';

/** The levels this package logs at. */
export interface LockLogger {
  debug(message: string): void;
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/**
 * A logger with levels: a `LoggerService` of Nest, pino, winston or `console`. Ordinary messages go to `info`, or to
 * `log` if there is no `info`. Details go to `debug`, if it exists.
 */
export type LoggerWithLevels = {
  debug?(message: string): unknown;
  warn(message: string): unknown;
  error(message: string): unknown;
} & ({ info(message: string): unknown } | { log(message: string): unknown });

/**
 * The logger for the value of an option; false: a logger that logs nothing.
 *
 * @throws LockConfigurationError that names the missing levels
 */
export function loggerOf(option: LoggerWithLevels | false): LockLogger {
  if (option === false) return SILENCE;
  const logger = checkLogger(option);
  // `info` first: the `log` of winston expects the level as its first argument.
  const news = 'info' in logger && typeof logger.info === 'function' ? 'info' : 'log';
  // Called as methods: loggers such as pino need their `this`.
  return {
    debug: safely((message) => logger.debug?.(message)),
    log: safely((message) => logger[news]?.(message)),
    warn: safely((message) => logger.warn(message)),
    error: safely((message) => logger.error(message)),
  };
}

/** Ignores the errors of a logger, such as one whose worker has ended: they must not end leases. */
function safely(log: (message: string) => unknown): (message: string) => void {
  return (message) => {
    try {
      const result = log(message);
      if (result instanceof Promise) result.catch(() => undefined);
    } catch {
      // Ignored, since there is no other way to report it.
    }
  };
}

/** All methods that may be called. */
type AnyLevels = Record<'warn' | 'error', (message: string) => unknown> &
  Partial<Record<'debug' | 'info' | 'log', (message: string) => unknown>>;

const SILENCE: LockLogger = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

function checkLogger(option: unknown): AnyLevels {
  const isObject = (typeof option === 'object' && option !== null) || typeof option === 'function';
  if (!isObject) {
    const expected = 'a logger with the methods debug, info or log, warn and error, or false';
    refuse('logger', expected, option);
  }
  const logger = option as Record<string, unknown>;
  const has = (level: string): boolean => typeof logger[level] === 'function';
  const missing = ['warn', 'error'].filter((level) => !has(level));
  if (logger['debug'] !== undefined && !has('debug')) missing.unshift('debug');
  if (!has('info') && !has('log')) missing.unshift('info (or log)');
  if (missing.length > 0) throw new LockConfigurationError(messages.notALogger(missing));
  return logger as AnyLevels;
}
