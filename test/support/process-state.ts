import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually.js';

const GONE = [undefined, 'Z', 'X'];

/** Resolves when a process that was sent SIGSTOP stands still or is gone: the signal may return a little earlier. */
export async function standsStill(pid: number): Promise<void> {
  if (process.platform !== 'linux') return;
  await eventually(() => ['T', ...GONE].includes(stateOf(pid)), { every: 1 });
}

/** Resolves when a process that was sent SIGKILL is gone, whoever its parent is. */
export async function isGone(pid: number): Promise<void> {
  if (process.platform !== 'linux') return;
  await eventually(() => GONE.includes(stateOf(pid)), { every: 1 });
}

/** A process and its children. Those of the children are not included. */
export function withChildren(pid: number): number[] {
  if (process.platform !== 'linux') return [pid];
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return [pid, ...pids.filter((child) => statOf(child)?.[1] === String(pid))];
}

/** The state letter of proc(5); undefined if there is no such process. */
function stateOf(pid: number): string | undefined {
  return statOf(pid)?.[0];
}

/** The fields of proc(5) from the state on. They follow the name in parentheses, which may hold anything. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined;
  }
}
