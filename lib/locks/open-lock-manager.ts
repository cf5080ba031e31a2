import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import { HolderIdentity } from '../core/holder.js';
import { LockManager } from '../core/lock-manager.js';
import type { ExclusiveLockSettings, ResolvedSettings, StorePlace } from '../exclusive-lock.options.js';
import { MemoryLockStore } from '../stores/memory/memory-lock-store.js';
import { openStore, type StoreChoice } from '../stores/open-store.js';

/**
 * Opens the store and the manager of its locks.
 *
 * @throws LockConfigurationError
 */
export async function openLockManager(
  place: StorePlace & Pick<StoreChoice, 'enabled'> & Pick<ExclusiveLockSettings, 'history' | 'catalogue'>,
  settings: ResolvedSettings,
  outages: OutageLog,
): Promise<LockManager> {
  const { logger, prefix, replica, application } = settings;
  const store = await openStore(place, { prefix, replica, logger, outages, env: process.env });
  if (application === undefined && !(store instanceof MemoryLockStore) && !store.clock)
    logger.warn(messages.noApplication());
  const locks = new LockManager({
    ...settings,
    store,
    outages,
    identity: new HolderIdentity(replica, application),
  });
  if (place.history) locks.records.required('history');
  if (place.catalogue) locks.records.required('catalogue');
  return locks;
}
