import type { LockLogger } from '../common/logger.js';
import type { OutageLog } from '../common/outage-log.js';
import type { LockStore } from './lock-store.js';

/** A store that is not open yet, such as `postgresStore()` returns: the application opens it when it starts. */
export interface StoreToOpen {
  /** @internal */
  open(context: StoreContext): Promise<LockStore>;
}

/** What a store is opened with. */
export interface StoreContext {
  readonly prefix: string;
  readonly logger: LockLogger;
  readonly outages: OutageLog;
  readonly env: NodeJS.ProcessEnv;
  /** The name of this replica, where it was given one. */
  readonly replica?: string | undefined;
}

/** Not by its class: this package may be loaded as an ES module and as a CommonJS module in the same process. */
export function isStoreToOpen(store: object): store is StoreToOpen {
  return 'open' in store && typeof store.open === 'function' && !('acquire' in store);
}
