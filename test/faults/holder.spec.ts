import { setTimeout as sleep } from 'node:timers/promises';
import {
  acquire,
  check,
  expectCleanExit,
  LOCK,
  machineTime,
  SOON,
  startContenders,
  TTL,
} from '../support/contenders.js';
import { HANG } from '../support/hang.js';
import { event, expectExclusion } from '../support/history.js';
import type { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

describeOnSharedStores(
  'a holder on %s',
  (store) => {
    let holder: ReplicaProcess;
    let other: ReplicaProcess;

    beforeEach(async () => {
      [holder, other] = await startContenders(2, store.options);
    });

    it('that is stopped for longer than the TTL notices the loss at its first check, and its release changes nothing', async () => {
      await acquire(holder);
      await holder.signal('SIGSTOP');
      await acquire(other);
      await holder.signal('SIGCONT');

      expect(await check(holder)).toMatchObject({ held: false, code: 'LOCK_LOST' });
      await holder.waitFor(event('aborted', { code: 'LOCK_LOST' }));
      holder.send({ do: 'release' });
      await holder.waitFor(event('released'));
      // Long enough for the other to notice with its renewals that its lock was touched.
      await sleep(TTL);
      expect(await check(other)).toMatchObject({ held: true });
      expectExclusion([holder, other]);
      await Promise.all([holder, other].map(expectCleanExit));
    });

    it('that is stopped for less than the TTL keeps its lease', async () => {
      await acquire(holder);
      await holder.signal('SIGSTOP');
      await sleep(TTL / 4);
      await holder.signal('SIGCONT');
      expect(await check(holder)).toMatchObject({ held: true });
      await sleep(TTL);
      expect(await check(holder)).toMatchObject({ held: true });
    });

    it('that is stopped in synchronous code for twice the TTL gets an error from the first assertHeld()', async () => {
      await acquire(holder);
      holder.send({ do: 'spin', ms: 2 * TTL - 200 });
      await holder.waitFor(event('spinning'));
      await holder.signal('SIGSTOP');
      await sleep(2 * TTL);
      await holder.signal('SIGCONT');
      expect(await holder.waitFor(event('spun'))).toMatchObject({
        held: false,
        code: 'LOCK_LOST',
        reason: 'expired',
      });
    });

    it('whose event loop is blocked for longer than the TTL notices the loss before the event loop runs again', async () => {
      await acquire(holder);
      holder.send({ do: 'block', ms: TTL + 200 });
      await holder.waitFor(event('blocking'));
      await acquire(other);
      expect(await holder.waitFor(event('unblocked'))).toMatchObject({ held: false, code: 'LOCK_LOST' });
      expectExclusion([holder, other]);
    });

    it('whose event loop is blocked for less than the TTL keeps its lease', async () => {
      await acquire(holder);
      holder.send({ do: 'block', ms: TTL / 2 });
      expect(await holder.waitFor(event('unblocked'))).toMatchObject({ held: true });
      await sleep(TTL);
      expect(await check(holder)).toMatchObject({ held: true });
    });

    it('cannot acquire the lock a second time, and still holds it after trying', async () => {
      await acquire(holder);
      holder.send({ do: 'again', name: LOCK });
      expect(await holder.waitFor(event('again'))).toMatchObject({ got: false });
      expect(await check(holder)).toMatchObject({ held: true });
    });

    it('that lost its lock during the work gets the value and the loss', async () => {
      holder.send({ do: 'run', name: LOCK, ms: 2 * TTL });
      await holder.waitFor(event('acquired'));
      holder.send({ do: 'block', ms: TTL + 200 });
      expect(await holder.waitFor(event('outcome'))).toMatchObject({ status: 'lost', reason: 'expired' });
    });
  },
  { alsoInTheGate: ['postgres'] },
);

describeOnSharedStores(
  'a holder that is killed, on %s',
  (store) => {
    // The local store knows of its death: a TTL is no hindrance there.
    const [title, ttl] = store.freesAtOnce ? ['at once', 2 * HANG] : ['when its TTL is over', TTL];

    it(`is followed by another ${title}, with a higher fencingToken`, async () => {
      const [holder, other] = await startContenders(2, { ...store.options, ttl });
      await acquire(holder);
      const killedAt = machineTime();
      await holder.signal('SIGKILL');
      const next = await acquire(other);

      expect(Number(next['at']) - killedAt).toBeLessThan(TTL + SOON);
      expectExclusion([holder, other]);
      await expectCleanExit(other);
    });
  },
  { alsoInTheGate: ['postgres'] },
);

describeOnSharedStores(
  'four processes on %s',
  (store) => {
    it('that repeatedly take one lock and are stopped at random exclude each other', async () => {
      const ttl = Math.max(300, store.shortestTtl);
      const contenders = await startContenders(4, { ...store.options, ttl });
      for (const contender of contenders) contender.send({ do: 'loop', name: LOCK, ms: 40, pause: 20 });
      for (let i = 0; i < 24; i++) {
        const contender = contenders[i % contenders.length];
        await sleep(Math.random() * 200);
        await contender.signal('SIGSTOP');
        await sleep(Math.random() * 2 * ttl);
        await contender.signal('SIGCONT');
      }
      for (const contender of contenders) contender.send({ do: 'endLoop' });
      await Promise.all(contenders.map((contender) => contender.waitFor(event('looped'))));
      expectExclusion(contenders);
      const grants = contenders.map(({ events }) => events.filter(event('acquired')).length);
      expect(Math.min(...grants)).toBeGreaterThan(3);
      await Promise.all(contenders.map(expectCleanExit));
    });
  },
  { alsoInTheGate: ['postgres'] },
);
