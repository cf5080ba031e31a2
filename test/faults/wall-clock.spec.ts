import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire, check, LOCK, startContenders, TTL } from '../support/contenders.js';
import { faketime, faketimeLibrary } from '../support/faketime.js';
import { event, expectExclusion } from '../support/history.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

describeOnSharedStores(
  'a replica whose wall clock is wrong, on %s',
  (store) => {
    it.each(['+3600s', '-3600s'])('by %s holds and loses leases like any other', async (offset) => {
      const [wrong] = await startContenders(1, store.options, faketime(offset));
      const [right] = await startContenders(1, store.options);
      await acquire(wrong);
      right.send({ do: 'acquire', name: LOCK });
      await right.waitFor(event('busy'));
      await sleep(2 * TTL);
      expect(await check(wrong)).toMatchObject({ held: true });

      await wrong.signal('SIGSTOP');
      await acquire(right);
      await wrong.signal('SIGCONT');
      expect(await check(wrong)).toMatchObject({ held: false });
      expectExclusion([wrong, right]);
    });

    it.each([
      ['forward', '+3600s'],
      ['back', '-3600s'],
    ])('because it is set %s while it runs keeps its lease', async (_direction, offset) => {
      const [replica, clock] = await startWithClock();
      await acquire(replica);
      clock.set(offset);
      expect(await check(replica)).toMatchObject({ held: true });
      await sleep(2 * TTL);
      expect(await check(replica)).toMatchObject({ held: true });
      expect(Math.abs(Number((await clockOf(replica))['wall']) - Date.now())).toBeGreaterThan(3_500_000);
    });

    it.each([
      ['forward', '+3600s'],
      ['back', '-3600s'],
    ])(
      'because it is set %s while the replica is stopped for longer than the TTL still notices the loss',
      async (_direction, offset) => {
        const [replica, clock] = await startWithClock();
        const [other] = await startContenders(1, store.options);
        await acquire(replica);
        await replica.signal('SIGSTOP');
        clock.set(offset);
        await acquire(other);
        await replica.signal('SIGCONT');
        expect(await check(replica)).toMatchObject({ held: false });
        expectExclusion([replica, other]);
      },
    );

    async function startWithClock(): Promise<[ReplicaProcess, { set(offset: string): void }]> {
      const file = join(process.env.TEST_RUN_FOLDER!, `clock-${Math.random()}`);
      const set = (offset: string): void => writeFileSync(file, `${offset}\n`);
      set('+0s');
      const [replica] = await startContenders(1, store.options, faketime(file));
      return [replica, { set }];
    }
  },
  { skip: !faketimeLibrary() },
);

/** Proof that the clock really was set: the application tells its own. */
async function clockOf(replica: ReplicaProcess) {
  replica.send({ do: 'clock' });
  return replica.waitFor(event('clock'));
}
