import type { LoggerService } from '@nestjs/common';

/** Milliseconds on the clock that all processes of the machine share. */
export const machineTime = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What this process takes for the time, and when it did on that clock: nothing came between the two. */
export function clocks(): { readonly wall: number; readonly at: number } {
  for (;;) {
    const before = machineTime();
    const wall = Date.now();
    const at = machineTime();
    if (at - before < 1) return { wall, at };
  }
}

/** One JSON line, with the time, for the test that started this process. */
export function tell(event: string, details: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, at: machineTime(), ...details })}\n`);
}

/** Nest's logger as events, so that a test sees each line with its level. */
export const tellingLogger: LoggerService = {
  log: (message: unknown) => tell('log', { level: 'log', message: String(message) }),
  warn: (message: unknown) => tell('log', { level: 'warn', message: String(message) }),
  error: (message: unknown, ...details: unknown[]) =>
    tell('log', { level: 'error', message: String(message), details }),
  debug: (message: unknown) => tell('log', { level: 'debug', message: String(message) }),
  verbose: (message: unknown) => tell('log', { level: 'verbose', message: String(message) }),
};
