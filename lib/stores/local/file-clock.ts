import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const CLOCK_FILE = 'clock';
const BYTE = Buffer.from('.');

/**
 * The machine's wall clock, as the file system stamps it. It is the same for all processes, even for one with a faked
 * clock. It lags by a few milliseconds at most, and takes some microseconds to read.
 */
export class FileClock {
  #fd: number | undefined;

  constructor(folder: string) {
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
      this.#fd = openSync(join(folder, CLOCK_FILE), flags, 0o600);
    } catch {
      this.#fd = undefined;
    }
  }

  /** Milliseconds since the epoch, with fraction. Returns `Date.now()` if the file cannot be used. */
  now(): number {
    if (this.#fd === undefined) return Date.now();
    try {
      writeSync(this.#fd, BYTE, 0, 1, 0);
      return Number(fstatSync(this.#fd, { bigint: true }).mtimeNs) / 1e6;
    } catch {
      return Date.now();
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
