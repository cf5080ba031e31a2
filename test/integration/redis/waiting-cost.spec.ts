import type { Redis } from 'ioredis';
import type { HeldLease } from '../../../lib/core/held-lease.js';
import type { LockManager } from '../../../lib/core/lock-manager.js';
import type { RunOptions } from '../../../lib/core/run-options.js';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openManager } from './support/redis-stores.js';

let server: RedisServer;
let client: Redis;
let holder: LockManager;
let waiter: LockManager;

beforeEach(async () => {
  server = await RedisServer.start();
  client = server.client();
  ({ manager: holder } = await openManager(server.url));
  ({ manager: waiter } = await openManager(server.url));
});
afterEach(closeEverything);

async function acquire(by: LockManager, name: string, options: RunOptions = {}): Promise<HeldLease> {
  const acquisition = await by.tryAcquire(name, options);
  if (acquisition.status === 'acquired') return acquisition.lease;
  throw new Error(`The lock "${name}" was not to be had: ${acquisition.reason}`);
}

/** Waits for each lock, and releases it at once. */
function waitFor(names: readonly string[]): Promise<void[]> {
  return Promise.all(names.map(async (name) => (await acquire(waiter, name, { wait: true })).release()));
}

async function standsInLine(name: string): Promise<void> {
  await eventually(async () => (await holder.inspect(name))?.waiters === 1);
}

/** How often the server has carried out a command, by a client or a script. */
async function callsOf(command: string): Promise<number> {
  const [, calls = '0'] =
    new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await client.info('commandstats')) ?? [];
  return Number(calls);
}

/** Connections of clients, our own aside, with how many channels each listens to. */
async function connections(): Promise<number[]> {
  const own = `id=${await client.client('ID')} `;
  const lines = ((await client.client('LIST')) as string).trim().split('\n');
  return lines
    .filter((line) => !line.startsWith(own))
    .map((line) => Number(/ sub=(\d+)/.exec(line)?.[1]))
    .toSorted((a, b) => a - b);
}

describe('what waiting costs Redis', () => {
  it('is nothing if no call has to wait: no message, and one connection for each process', async () => {
    for (const by of [holder, waiter]) {
      await (await acquire(by, 'a')).release();
      await by.run('a', () => 1, { wait: true });
    }
    const lease = await acquire(holder, 'a');
    expect(await waiter.run('a', () => 1, {})).toMatchObject({ reason: 'busy' });
    await lease.release();

    expect(await callsOf('publish')).toBe(0);
    expect(await callsOf('subscribe')).toBe(0);
    expect(await connections()).toEqual([0, 0]);
  });

  it('is one more connection for all waiters of a process, whatever their locks', async () => {
    const locks = Array.from({ length: 5 }, (_, i) => `lock-${i}`);
    const leases = await Promise.all(locks.map((name) => acquire(holder, name)));
    const waits = waitFor(Array.from({ length: 50 }, (_, i) => locks[i % locks.length]));
    await Promise.all(locks.map(standsInLine));

    expect(await connections()).toEqual([0, 0, 1]);

    await Promise.all(leases.map((lease) => lease.release()));
    await waits;
    expect(await connections()).toEqual([0, 0, 1]);
  });

  it('is one request every two seconds for a thousand waiters in a process', async () => {
    const lease = await acquire(holder, 'a', { ttl: 5000, renewEvery: 250 });
    const waits = waitFor(Array.from({ length: 1000 }, () => 'a'));
    await standsInLine('a');

    const since = performance.now();
    const before = await callsOf('evalsha');
    await renewals(12);
    const asked = (await callsOf('evalsha')) - before - 12;
    const seconds = (performance.now() - since) / 1000;

    // Each waiter would ask ten times a second if it were not told.
    expect(asked).toBeLessThanOrEqual(2 + 2 * seconds);

    await lease.release();
    await waits;
  });
});

/** Waits until the holder has renewed its lease so often. */
async function renewals(count: number): Promise<void> {
  await new Promise<void>((resolve) => {
    let left = count;
    const end = holder.events.listen(({ type }) => {
      if (type !== 'renewed' || --left > 0) return;
      end();
      resolve();
    });
  });
}
