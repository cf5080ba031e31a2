import type { ChildProcess } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withChildren } from './process-state.js';

/**
 * Notes a child process on disk until it has exited. Test files cannot listen for the end of their own
 * process (jest hands them a copy of `process`), so the end of the run is where forgotten children die.
 */
export function noteChild(child: ChildProcess): void {
  const folder = process.env.TEST_RUN_FOLDER;
  if (!folder || child.pid === undefined) return;
  const note = join(folder, `${child.pid}.pid`);
  writeFileSync(note, '');
  child.once('exit', () => rmSync(note, { force: true }));
}

/** Kills the noted children that are still there, and their children, which may stand still. */
export function killLeftovers(folder: string): void {
  for (const note of readdirSync(folder).filter((file) => file.endsWith('.pid'))) {
    withChildren(Number.parseInt(note, 10)).forEach(kill);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has exited just now.
  }
}
