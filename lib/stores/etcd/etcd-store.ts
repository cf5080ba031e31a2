import { LedgerLockStore } from '../ledger/ledger-lock-store.js';
import type { StoreToOpen } from '../store-to-open.js';
import { checkEtcdOptions, type EtcdStoreOptions } from './etcd-options.js';
import { EtcdTable } from './etcd-table.js';

/**
 * Locks in etcd 3.4 or later, for `ExclusiveLockModule.forRoot({ store })` and `openLocks({ store })`. They are kept below
 * the key `exclusive-lock/`. It needs no client: it calls the JSON gateway of etcd over HTTP.
 *
 * The options are checked when the application starts, which fails with a `LockConfigurationError` if one is wrong.
 *
 * @example
 * ExclusiveLockModule.forRoot({
 *   store: etcdStore({ endpoints: ['https://etcd-1:2379', 'https://etcd-2:2379'], tls: { ca } }),
 * })
 */
export function etcdStore(options: EtcdStoreOptions): StoreToOpen {
  return {
    async open({ prefix }) {
      return new LedgerLockStore(new EtcdTable(checkEtcdOptions(options)), prefix);
    },
  };
}
