import { readFileSync, readlinkSync } from 'node:fs';

/** Tells one process of this machine from all others, earlier ones with the same pid included. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in clock ticks since boot. Linux only. */
  readonly start?: string;
  /** The pids of two namespaces (containers) say nothing about each other. */
  readonly namespace?: string;
  /** Changes with every start of the machine. Linux only. */
  readonly boot?: string;
}

export function ownIdentity(): ProcessIdentity {
  if (process.platform !== 'linux') return { pid: process.pid, namespace: process.platform };
  const stat = readStat('self');
  return {
    pid: process.pid,
    start: stat?.start,
    namespace: unlessRefused(() => readlinkSync('/proc/self/ns/pid')),
    boot: unlessRefused(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  };
}

/** Whether the process is certainly gone. False when that cannot be known: its lock then ends with its TTL. */
export function isGone(other: ProcessIdentity, self: ProcessIdentity): boolean {
  // Also before the boot identities are compared: some containers are given one of their own.
  if (self.namespace === undefined || other.namespace !== self.namespace) return false;
  if (other.boot !== self.boot) return other.boot !== undefined && self.boot !== undefined;
  if (other.pid === self.pid) return other.start !== self.start;
  if (other.start === undefined || self.start === undefined) return !pidExists(other.pid);
  return isGoneByStat(other.pid, other.start);
}

function isGoneByStat(pid: number, start: string): boolean {
  try {
    const stat = readStat(pid);
    return stat !== undefined && (stat.start !== start || stat.state === 'Z' || stat.state === 'X');
  } catch {
    return !pidExists(pid);
  }
}

/** @throws when the process does not exist, or its file must not be read */
function readStat(pid: number | 'self'): { state: string; start: string } | undefined {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name of the program comes before, in brackets, and may contain spaces and brackets itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], fields[19]];
  return state && start ? { state, start } : undefined;
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException | undefined)?.code !== 'ESRCH';
  }
}

function unlessRefused(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
