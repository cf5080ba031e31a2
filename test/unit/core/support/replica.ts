import { OutageLog } from '../../../../lib/common/outage-log.js';
import { HolderIdentity } from '../../../../lib/core/holder.js';
import type { HeldLease } from '../../../../lib/core/held-lease.js';
import { LockManager, type LockManagerSettings } from '../../../../lib/core/lock-manager.js';
import type { RunOptions } from '../../../../lib/core/run-options.js';
import { ManualClock } from './manual-clock.js';
import { RecordingLogger } from './recording-logger.js';
import { ScriptedStore } from './scripted-store.js';

export const TTL = 10_000;
export const RENEW_EVERY = 3_000;
/** What is left of the TTL when the lease ends: 500 ms before the store can give the lock to another. */
export const LEASE = TTL - 500;
export const COMMAND_TIMEOUT = 2_000;
export const DRAIN_TIMEOUT = 5_000;

export interface Replica {
  readonly locks: LockManager;
  readonly store: ScriptedStore;
  readonly clock: ManualClock;
  readonly logger: RecordingLogger;
  /** Acquires a lock that the test knows to be free. */
  acquire(name: string, options?: RunOptions): Promise<HeldLease>;
}

/** A lock manager on a store and a clock that are in the test's hand; another `replica` of it shares both. */
export function startReplica(settings: Partial<LockManagerSettings> = {}, beside?: Replica): Replica {
  const clock = beside?.clock ?? ManualClock.install();
  const store = beside?.store ?? new ScriptedStore(clock);
  const logger = new RecordingLogger();
  const locks = new LockManager({
    store,
    clock,
    logger,
    outages: new OutageLog(logger),
    identity: new HolderIdentity('replica-1'),
    ttl: TTL,
    renewEvery: RENEW_EVERY,
    commandTimeout: COMMAND_TIMEOUT,
    drainTimeout: DRAIN_TIMEOUT,
    ...settings,
  });
  return { locks, store, clock, logger, acquire };

  async function acquire(name: string, options: RunOptions = {}): Promise<HeldLease> {
    const acquisition = await locks.tryAcquire(name, options);
    if (acquisition.status === 'acquired') return acquisition.lease;
    throw new Error(`The lock "${name}" was not to be had: ${acquisition.reason}`);
  }
}

/** Work that the test ends when it likes. */
export class OpenWork<T = void> {
  readonly done: Promise<T>;
  finish!: (value: T) => void;
  fail!: (error: Error) => void;

  constructor() {
    this.done = new Promise<T>((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
  }
}
