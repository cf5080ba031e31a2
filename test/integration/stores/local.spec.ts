import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntryFiles } from '../../../lib/stores/local/entry-files.js';
import { FileClock } from '../../../lib/stores/local/file-clock.js';
import { LocalLockStore } from '../../../lib/stores/local/local-lock-store.js';
import { describeContract } from './describe-contract.js';

describeContract(
  'the local store',
  async () => {
    const folder = await mkdtemp(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'local-store-'));
    const stores = [
      await LocalLockStore.open({ folder, prefix: 'ours' }),
      await LocalLockStore.open({ folder, prefix: 'ours' }),
    ] as const;
    const otherPrefix = await LocalLockStore.open({ folder, prefix: 'theirs' });
    const clock = new FileClock(folder);

    return {
      stores,
      otherPrefix,
      now: () => clock.now(),
      setClockBack: (name, claim, ms) => {
        const files = new EntryFiles(folder);
        const before = files.read(`ours:${name}`)!;
        const entry = before.entry!;
        const mark = entry.marks.get(claim)!;
        entry.marks.set(claim, { ...mark, time: mark.time + ms, until: mark.until + ms }, clock.now());
        files.write(`ours:${name}`, entry, before);
      },
      close: async () => {
        clock.close();
        await Promise.all([...stores, otherPrefix].map((store) => store.close()));
        await rm(folder, { recursive: true });
      },
    };
  },
  // A call is carried out before it settles, or never: no reply can be lost, and no request arrive late.
  { without: ['advance', 'holdReplies'] },
);
