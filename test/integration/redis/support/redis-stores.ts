import { randomUUID } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { LockLogger } from '../../../../lib/common/logger.js';
import { OutageLog } from '../../../../lib/common/outage-log.js';
import { HolderIdentity } from '../../../../lib/core/holder.js';
import { LockManager } from '../../../../lib/core/lock-manager.js';
import type { AcquireReply, AcquireRequest, ReleaseRequest } from '../../../../lib/stores/lock-store.js';
import type { RedisConnectionOptions } from '../../../../lib/stores/redis/redis-connection-options.js';
import { holderIn } from '../../../../lib/stores/redis/holder-text.js';
import { RedisLockStore } from '../../../../lib/stores/redis/redis-lock-store.js';
import { eventually } from '../../../support/eventually.js';
import { HANG } from '../../../support/hang.js';
import { ownTime } from '../../../support/own-time.js';
import { RedisServer } from '../../../support/redis/redis-server.js';
import { TcpProxy } from '../../../support/tcp-proxy.js';
import { FakeRedis } from './fake-redis.js';

/** Milliseconds that a call gets, where nothing else is said. */
export const WITHIN = 10_000;
/** Milliseconds of own time by which a call may be late. */
export const SLACK = 300;
export const PREFIX = 'locks';

/** Keeps the lines that an operator would read. */
export class CapturedLog implements LockLogger {
  readonly errors: string[] = [];
  readonly infos: string[] = [];
  readonly warnings: string[] = [];
  readonly details: string[] = [];

  debug(message: string): void {
    this.details.push(message);
  }
  log(message: string): void {
    this.infos.push(message);
  }
  warn(message: string): void {
    this.warnings.push(message);
  }
  error(message: string): void {
    this.errors.push(message);
  }
  get all(): string {
    return [...this.errors, ...this.infos, ...this.warnings, ...this.details].join('\n');
  }
}

const opened: { close(): Promise<void> }[] = [];

export interface OpenedStore {
  store: RedisLockStore;
  log: CapturedLog;
}

export async function openStore(connection: RedisConnectionOptions, replica?: string): Promise<OpenedStore> {
  const log = new CapturedLog();
  const outages = new OutageLog(log);
  const store = await RedisLockStore.open({ connection, prefix: PREFIX, outages, logger: log, replica });
  opened.push(store);
  return { store, log };
}

/** A store as the module uses it, where the lines of failing calls count too. */
export async function openManager(
  connection: RedisConnectionOptions,
  commandTimeout = 2000,
  times = { ttl: 2 * HANG, renewEvery: HANG / 2 },
): Promise<{ manager: LockManager; log: CapturedLog }> {
  const log = new CapturedLog();
  const outages = new OutageLog(log);
  const store = await RedisLockStore.open({ connection, prefix: PREFIX, outages, logger: log });
  const manager = new LockManager({
    store,
    identity: new HolderIdentity('test'),
    ...times,
    commandTimeout,
    drainTimeout: 0,
    logger: log,
    outages,
  });
  opened.push(manager);
  return { manager, log };
}

/** For `afterEach`. */
export async function closeEverything(): Promise<void> {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  FakeRedis.closeAll();
  await TcpProxy.closeAll();
  await RedisServer.closeAll();
}

/** A request of an acquisition of its own, which ends unfinished unless something else is said. */
export function wanted(name = 'lock', ttl = 2 * HANG): AcquireRequest & ReleaseRequest {
  return { name, ttl, owner: randomUUID(), holder: '{"replica":"test"}', end: 'unfinished' };
}

/** The same as `wanted` of an acquisition that turns out to be of no use. */
export function voided<R extends ReleaseRequest>(request: R): R & ReleaseRequest {
  return { ...request, end: 'void' };
}

/** The owner of the lock with this key. */
export async function ownerIn(client: Redis | Cluster, key: string): Promise<string | undefined> {
  return holderIn((await client.get(key)) ?? '').owner;
}

export function tokenOf(reply: AcquireReply): number {
  if (reply.status !== 'granted') throw new Error(`Expected a grant, got ${JSON.stringify(reply)}`);
  return reply.fencingToken;
}

/** Asks for one acquisition until it is granted. It stays the same one: a try whose answer was lost may have got the lock. */
export async function untilGranted(
  store: RedisLockStore,
  request: AcquireRequest,
  { each = WITHIN } = {},
): Promise<void> {
  await eventually(async () => (await store.acquire(request, each)).status === 'granted');
}

/** What a call came to, and how long that took: `ms` is without the time that this process waited for a CPU. */
export async function timed<T>(
  call: () => Promise<T>,
): Promise<{ ms: number; elapsed: number; value?: T; error?: Error & { mayHaveRun?: boolean } }> {
  const [start, ownStart] = [performance.now(), ownTime()];
  const times = () => ({ ms: ownTime() - ownStart, elapsed: performance.now() - start });
  try {
    const value = await call();
    return { ...times(), value };
  } catch (error) {
    return { ...times(), error: error as Error };
  }
}

/** Does it again and again in the background, until it is stopped. */
export function repeatedly(action: () => Promise<unknown>): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const ended = (async () => {
    while (!stopped.signal.aborted) await action();
  })();
  return {
    stop() {
      stopped.abort();
      return ended;
    },
  };
}
