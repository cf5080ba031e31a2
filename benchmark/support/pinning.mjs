import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The core that client and server share: across two cores a round trip flips between 20 and 60 µs, by where the
 * scheduler puts them. Undefined where there is no taskset.
 */
export const core = lastAllowedCore();

/** The same command line, kept on that core unless it may run on any. */
export function pinned(command, { onAnyCore = false } = {}) {
  return onAnyCore || core === undefined ? command : ['taskset', '-c', core, ...command];
}

function lastAllowedCore() {
  try {
    const allowed = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    const last = allowed?.split(/[,-]/).at(-1);
    const works = last && spawnSync('taskset', ['-c', last, 'true']).status === 0;
    return works ? last : undefined;
  } catch {
    return undefined;
  }
}
