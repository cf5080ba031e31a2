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
 * A logger with levels: a `LoggerService` of Nest, pino, winston, `console`. News of no urgency goes to `info`, or to
 * `log` where there is no `info`; details go to `debug`, if there is one.
 */
export type LoggerWithLevels = {
  debug?(message: string): unknown;
  warn(message: string): unknown;
  error(message: string): unknown;
} & ({ info(message: string): unknown } | { log(message: string): unknown });

/**
 * The logger that an option says; false is silence.
 *
 * @throws LockConfigurationError naming the levels that are missing
 */
export function loggerOf(option: LoggerWithLevels | false): LockLogger {
  if (option === false) return SILENCE;
  const logger = checkLogger(option);
  // Not the other way round: winston has a `log` too, whose first argument is the level.
  const news = 'info' in logger && typeof logger.info === 'function' ? 'info' : 'log';
  // Called as methods: loggers such as pino need their `this`.
  return {
    debug: (message) => void logger.debug?.(message),
    log: (message) => void logger[news]?.(message),
    warn: (message) => void logger.warn(message),
    error: (message) => void logger.error(message),
  };
}

/** Every method that may be called, whichever of `info` and `log` it is. */
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
