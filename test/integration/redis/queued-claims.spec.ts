import { setTimeout as sleep } from 'node:timers/promises';
import type { LockManager } from '../../../lib/core/lock-manager.js';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openManager, repeatedly } from './support/redis-stores.js';

const WORKERS = 3;
/** Runs of the others, by far more than come before a waiter that is queued. */
const MANY = 100;
/** By far longer than that many take. */
const PATIENCE = 60_000;

afterEach(closeEverything);

describe('a run that several calls wait for, on a lock whose queue never ends', () => {
  it('comes in the order of the queue, and is done for all other calls that waited for it', async () => {
    const server = await RedisServer.start();
    const busy = await workers(server);
    const claimants = await Promise.all(Array.from({ length: 3 }, () => openManager(server.url, 5000)));
    await eventually(() => busy.runs > 2 * WORKERS);
    const before = busy.runs;
    let runsBefore = 0;

    const migrate = async (manager: LockManager): Promise<string> => {
      const outcome = await manager.run(
        'shared',
        () => {
          runsBefore = busy.runs - before;
        },
        { occurrence: { key: 'v1' }, wait: PATIENCE },
      );
      return outcome.status === 'skipped' ? outcome.reason : outcome.status;
    };
    const outcomes = await Promise.all(claimants.map(({ manager }) => migrate(manager)));
    const runsAfter = busy.runs - before;
    await busy.stop();

    expect(outcomes.toSorted()).toEqual(['done', 'done', 'ran']);
    // In the queue each worker comes before it once. Until its process listens, it is not queued.
    expect(runsBefore).toBeLessThan(MANY);
    expect(runsAfter).toBeLessThan(2 * MANY);
  });
});

/** Processes that have the lock one after the other, and of whom some always wait for it. */
async function workers(server: RedisServer): Promise<{ runs: number; stop(): Promise<void> }> {
  const managers = await Promise.all(Array.from({ length: WORKERS }, () => openManager(server.url, 5000)));
  const loops = managers.map(({ manager }) =>
    repeatedly(async () => {
      await manager.run('shared', () => sleep(20), { wait: true });
      busy.runs++;
    }),
  );
  const busy = {
    runs: 0,
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
  return busy;
}
