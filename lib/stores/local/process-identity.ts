import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Identifies a process among all processes of this machine, including earlier ones with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /**
   * When the process started, in clock ticks since boot. Only on Linux, and only if /proc shows the pids of its
   * namespace.
   */
  readonly start?: string;
  /** The pid namespace (container). Pids of different namespaces cannot be compared. */
  readonly namespace?: string;
  /**
   * The name of the monotonic clock: two processes with the same name read the same clock. It starts anew with the
   * machine, and each machine has its own.
   */
  readonly clock: string;
}

export function ownIdentity(): ProcessIdentity {
  if (process.platform !== 'linux') {
    return { pid: process.pid, namespace: process.platform, clock: hostname() };
  }
  return {
    pid: process.pid,
    start: showsOwnPids() ? unlessRefused(() => readStat('self')?.start) : undefined,
    namespace: unlessRefused(() => readlinkSync('/proc/self/ns/pid')),
    clock: clockOfLinux(),
  };
}

/** Whether the process is certainly gone. False if that is unknown: its lock then ends with its TTL. */
export function isGone(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (self.namespace === undefined || other.namespace !== self.namespace) return false;
  // The first namespace has the same name on every machine. Another clock may mean another machine.
  if (other.clock !== self.clock) return false;
  if (other.pid === self.pid) return other.start !== self.start;
  if (other.start === undefined || self.start === undefined) return !pidExists(other.pid);
  return isGoneByStat(other.pid, other.start);
}

/** Whether /proc belongs to our pid namespace. If not, /proc/5 is another process than pid 5. */
function showsOwnPids(): boolean {
  return unlessRefused(() => readlinkSync('/proc/self')) === String(process.pid);
}

/** The boot of the machine and the time namespace, which may shift the clock. */
function clockOfLinux(): string {
  const boot = unlessRefused(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = unlessRefused(() => readlinkSync('/proc/self/ns/time'));
  return `${boot ?? hostname()} ${namespace ?? ''}`.trim();
}

function isGoneByStat(pid: number, start: string): boolean {
  try {
    const stat = readStat(pid);
    return stat !== undefined && (stat.start !== start || stat.state === 'Z' || stat.state === 'X');
  } catch {
    return !pidExists(pid);
  }
}

/** @throws if the process does not exist, or its file must not be read */
function readStat(pid: number | 'self'): { state: string; start: string } | undefined {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The fields follow the name of the program, which is in brackets and may contain spaces and brackets itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], fields[19]];
  return state && start ? { state, start } : undefined;
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException | undefined)?.code !== 'ESRCH';
  }
}

function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
