/** The levels this package logs at. Nest's `Logger` fits as it is. */
export interface LockLogger {
  debug(message: string): void;
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
