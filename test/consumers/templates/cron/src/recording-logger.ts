import type { LoggerService } from '@nestjs/common';

export interface Line {
  readonly level: string;
  readonly text: string;
}

/** Keeps what is logged; Nest has one logger a process. */
export class RecordingLogger implements LoggerService {
  readonly lines: Line[] = [];

  readonly log = this.record('log');
  readonly fatal = this.record('fatal');
  readonly error = this.record('error');
  readonly warn = this.record('warn');
  readonly debug = this.record('debug');
  readonly verbose = this.record('verbose');

  private record(level: string) {
    return (...message: unknown[]): void => {
      this.lines.push({ level, text: message.map(String).join(' ') });
    };
  }
}
