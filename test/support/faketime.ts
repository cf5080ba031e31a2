import { existsSync } from 'node:fs';
import { aptInstall } from './apt.js';

const FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib', '/usr/local/lib'];

/** Where libfaketime is, which gives a process a wall clock of its own; undefined if it is not installed. */
export function faketimeLibrary(): string | undefined {
  return FOLDERS.map((folder) => `${folder}/faketime/libfaketime.so.1`).find((file) => existsSync(file));
}

/** Installs it where that can be done unasked; tests that need it are skipped elsewhere. */
export async function provideFaketime(): Promise<void> {
  if (!faketimeLibrary()) await aptInstall('libfaketime').catch(() => false);
}

/**
 * The environment of a process whose wall clock, and only that, is off. `offset` is an offset such as `+3600s`,
 * or the path of a file that contains one and may be written while the process runs.
 */
export function faketime(offset: string): Record<string, string> {
  return {
    LD_PRELOAD: faketimeLibrary() ?? '',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_NO_CACHE: '1',
    ...(offset.startsWith('/') ? { FAKETIME_TIMESTAMP_FILE: offset } : { FAKETIME: offset }),
  };
}

/** The same for an offset in milliseconds. */
export const faketimeBy = (ms: number): Record<string, string> =>
  faketime(`${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}s`);

/**
 * The environment of a process whose time leaps whenever the file with its offset is written, timers and all. Only while
 * it waits for nothing else: what has a time limit is over then, too.
 */
export const faketimeLeaping = (file: string): Record<string, string> => ({
  LD_PRELOAD: faketimeLibrary() ?? '',
  FAKETIME_NO_CACHE: '1',
  FAKETIME_TIMESTAMP_FILE: file,
});
