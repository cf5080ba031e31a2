import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { describeLockStore } from './lock-store.conformance.js';

describeLockStore('the memory store', async () => {
  let passed = 0;
  let setBack = 0;
  const epoch = Date.now();
  const store = new MemoryLockStore({ now: () => passed }, () => epoch + passed - setBack);
  return {
    // One process has one memory: its users share one instance.
    stores: [store, store],
    now: () => epoch + passed - setBack,
    advance: (ms) => {
      passed += ms;
    },
    setClockBack: (_name, _claim, ms) => {
      setBack += ms;
    },
    close: () => store.close(),
  };
});
