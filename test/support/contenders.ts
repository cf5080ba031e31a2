import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
import { startApp } from './apps.js';
import { event } from './history.js';
import type { ReplicaEvent, ReplicaProcess } from './replica-process.js';

/** The TTL of the fault tests: short, and long enough that a busy machine does not lose leases by itself. */
export const TTL = 2000;

/** What a busy machine may add where something happens at once: less than any other cause of a delay takes. */
export const SOON = 5000;

/** The lock that the fault tests contend for. */
export const LOCK = 'contended';

/** A lease that a test leaves held is not waited for long. No call of the server but those of the test. */
const DEFAULTS = { ttl: TTL, drainTimeout: 500, catalogue: false };

/** Starts processes that take locks on command, and waits until they are ready. */
export async function startContenders(
  count: number,
  options: ExclusiveLockModuleOptions,
  env: Record<string, string> = {},
): Promise<ReplicaProcess[]> {
  const contenders = Array.from({ length: count }, () =>
    startApp('contender', { ...DEFAULTS, ...options }, env),
  );
  await Promise.all(contenders.map((contender) => contender.waitFor(event('ready'))));
  return contenders;
}

/** Lets the contender take the lock, trying until it has it; resolves to the event. */
export async function acquire(contender: ReplicaProcess): Promise<ReplicaEvent> {
  const known = contender.events.length;
  contender.send({ do: 'acquire', name: LOCK, retry: 10 });
  return contender.waitFor((e) => event('acquired')(e) && contender.events.indexOf(e) >= known);
}

/** Asks the contender whether it holds its lease, in synchronous code. */
export async function check(contender: ReplicaProcess): Promise<ReplicaEvent> {
  const known = contender.events.length;
  contender.send({ do: 'check' });
  return contender.waitFor((e) => event('checked')(e) && contender.events.indexOf(e) >= known);
}

/** Ends a contender in good order and checks that it left nothing behind: it exits by itself, with code 0. */
export async function expectCleanExit(contender: ReplicaProcess): Promise<void> {
  const exit = await contender.stop();
  expect({ exit, stderr: contender.stderr }).toEqual({ exit: { code: 0, signal: null }, stderr: [] });
  // No timer or connection of ours keeps it: ioredis waits 2 s for a server's goodbye.
  expect(contender.events.filter(event('lingers'))).toEqual([]);
}

/** Milliseconds on the clock that all processes of the machine share. */
export const machineTime = (): number => Number(process.hrtime.bigint()) / 1e6;
