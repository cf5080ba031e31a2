import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { describeContract } from './describe-contract.js';

describeContract(
  'the memory store',
  async () => {
    let passed = 0;
    let setBack = 0;
    const epoch = Date.now();
    const wall = () => epoch + passed - setBack;
    const store = new MemoryLockStore({ now: () => passed }, wall);
    return {
      // One process has one memory: its users share one instance.
      stores: [store, store],
      now: wall,
      advance: (ms) => {
        passed += ms;
      },
      setClockBack: (_name, _claim, ms) => {
        setBack += ms;
      },
      close: () => store.close(),
    };
  },
  // A call is carried out at once: no reply can be lost, and no request arrive late.
  { without: ['otherPrefix', 'holdReplies'] },
);
