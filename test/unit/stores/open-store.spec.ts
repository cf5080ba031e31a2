import { OutageLog } from '../../../lib/common/outage-log.js';
import { openStore } from '../../../lib/stores/open-store.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import type { StoreContext, StoreToOpen } from '../../../lib/stores/store-to-open.js';

const logger = { log() {}, warn() {}, error() {}, debug() {}, verbose() {} };

describe('a store that is opened at the start', () => {
  const context: StoreContext = {
    prefix: 'shop',
    replica: 'web-1',
    logger,
    outages: new OutageLog(logger),
    env: {},
  };

  it('is told the prefix and the replica, and is used from then on', async () => {
    const opened = new MemoryLockStore();
    const contexts: StoreContext[] = [];
    const store: StoreToOpen = {
      async open(given) {
        contexts.push(given);
        return opened;
      },
    };
    expect(await openStore({ store }, context)).toBe(opened);
    expect(contexts).toEqual([context]);
  });

  it('is not opened where locks are switched off', async () => {
    const store: StoreToOpen = { open: () => Promise.reject(new Error('opened')) };
    expect(await openStore({ store, enabled: false }, context)).toBeInstanceOf(MemoryLockStore);
  });
});
