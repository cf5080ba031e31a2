import type { LoggerService } from '@nestjs/common';

export interface LogLine {
  readonly level: 'debug' | 'log' | 'warn' | 'error';
  readonly context: string | undefined;
  readonly message: string;
}

/** A logger for Nest that keeps every line. */
export class CapturingLogger implements LoggerService {
  readonly lines: LogLine[] = [];
  readonly #awaited = new Set<() => void>();

  debug(message: unknown, ...rest: unknown[]): void {
    this.#keep('debug', message, rest);
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#keep('log', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#keep('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#keep('error', message, rest);
  }

  /** Resolves when a line of any level matches. */
  line(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.lines.some(({ message }) => pattern.test(message))) return;
        this.#awaited.delete(look);
        resolve();
      };
      this.#awaited.add(look);
      look();
    });
  }

  /** The messages of this package at these levels. */
  ours(...levels: LogLine['level'][]): string[] {
    return this.lines
      .filter(({ level, context }) => context === 'ExclusiveLock' && levels.includes(level))
      .map(({ message }) => message);
  }

  /** Everybody's warnings and errors. */
  get complaints(): LogLine[] {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error');
  }

  #keep(level: LogLine['level'], message: unknown, rest: unknown[]): void {
    const context = rest.at(-1);
    this.lines.push({
      level,
      context: typeof context === 'string' ? context : undefined,
      message: String(message),
    });
    for (const look of this.#awaited) look();
  }
}
