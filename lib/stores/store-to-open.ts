import type { LockLogger } from '../common/logger.js';
import type { OutageLog } from '../common/outage-log.js';
import type { LockStore } from './lock-store.js';

/** A store that is not open yet, such as `postgresStore()` returns: the application opens it when it starts. */
export interface StoreToOpen {
  /** @internal */
  open(context: StoreContext): Promise<LockStore>;
}

/** The context in which a store is opened. */
export interface StoreContext {
  readonly prefix: string;
  readonly logger: LockLogger;
  readonly outages: OutageLog;
  readonly env: NodeJS.ProcessEnv;
  /** The name of this replica, if the user gave one. */
  readonly replica?: string | undefined;
}

/**
 * Recognised by its method and not by its class, because a process may load the package as an ES module and as a
 * CommonJS module.
 */
export function isStoreToOpen(store: object): store is StoreToOpen {
  return 'open' in store && typeof store.open === 'function' && !('acquire' in store);
}
