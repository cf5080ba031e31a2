import type { LockLogger } from '../../../../lib/common/logger.js';

/** Keeps what is logged, one list a level. */
export class RecordingLogger implements LockLogger {
  readonly debugs: string[] = [];
  readonly logs: string[] = [];
  readonly warnings: string[] = [];
  readonly errors: string[] = [];

  debug(message: string): void {
    this.debugs.push(message);
  }

  log(message: string): void {
    this.logs.push(message);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  error(message: string): void {
    this.errors.push(message);
  }
}
