import { checkOptions, refuse, type KnownOptions } from '../../common/check-options.js';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { LockStore } from '../lock-store.js';
import type { BasicLockStore, BasicStoreOptions } from './basic-lock-store.js';
import { BasicStoreAdapter } from './basic-store-adapter.js';

const OPTIONS: KnownOptions<BasicStoreOptions> = { prefix: true, description: true, inspect: true };
const METHODS = ['acquire', 'renew', 'release'] as const;

/**
 * Makes a store of this library from a store of three methods, such as one that was written for `@nestjs/locks`.
 *
 * At most one replica holds a lock, each tick runs once, and leases, gaps and keys expire by the store's clock. Compared
 * with the stores of this library:
 * - each replica judges by its own clock whether a tick is due;
 * - a tick is remembered for 24 hours under a key of its own, and an older tick does not run. A tick that no replica
 *   ran may run after a later one;
 * - waiters are not queued: they ask ten times a second, and any of them may be next;
 * - the holder of a lock is unknown unless there is an `inspect`, and runs do not name their application;
 * - a run begins with two or three calls, and a replica that dies between them leaves keys that expire with the TTL;
 * - the replica that began an interval decides how long it lasts.
 *
 * @throws LockConfigurationError if the store lacks a method, or for a wrong option
 * @example
 * ExclusiveLockModule.forRoot({ store: basicStore(new DrizzleLockStore(db)) })
 */
export function basicStore(store: BasicLockStore, options: BasicStoreOptions = {}): LockStore {
  const lacking = METHODS.filter(
    (method) => typeof (store as Partial<BasicLockStore>)?.[method] !== 'function',
  );
  if (lacking.length > 0) throw new LockConfigurationError(messages.notABasicStore(lacking));
  checkOptions(options, OPTIONS, 'basicStore');
  const { prefix = 'exclusive-lock', description = 'basic store', inspect } = options;
  if (typeof prefix !== 'string' || prefix.length > 100)
    refuse('prefix', 'a text of 100 characters at most', prefix);
  if (typeof description !== 'string') refuse('description', 'a text', description);
  if (inspect !== undefined && typeof inspect !== 'function') refuse('inspect', 'a function', inspect);
  return new BasicStoreAdapter(store, prefix, description, inspect);
}
