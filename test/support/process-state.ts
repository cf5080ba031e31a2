import { readFileSync } from 'node:fs';
import { eventually } from './eventually.js';

/** Resolves when a process that was sent SIGSTOP stands still: the signal may return a little earlier. */
export async function standsStill(pid: number): Promise<void> {
  if (process.platform !== 'linux') return;
  await eventually(() => stateOf(pid) === 'T', { every: 1 });
}

/** The state letter of proc(5); it follows the name in parentheses, which may hold anything. */
function stateOf(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.[0];
}
