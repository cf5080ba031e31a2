import { Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService, type Lease } from 'nestjs-exclusive-lock';
import { LockTestKit, type TestReplica } from 'nestjs-exclusive-lock/testing';
import { CapturingLogger } from '../../integration/nest/support/capturing-logger.js';
import { Gate } from '../../integration/nest/support/gate.js';
import { closeAfterwards, closeApps } from '../../integration/nest/support/nest-apps.js';
import { eventually } from '../../support/eventually.js';
import { RAN, RENEW_EVERY, TTL, startWork, work } from './support/app.js';

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

@Injectable()
class Reports {
  @Cron('0 3 * * *')
  @Exclusive('report')
  async nightly(): Promise<void> {}
}

/** An application of its own, as the replica of this name. */
async function start(
  name: string,
  options: { commandTimeout?: number } = {},
): Promise<{ replica: TestReplica; locks: ExclusiveLockService }> {
  const replica = kit.replica(name);
  const module = await Test.createTestingModule({
    imports: [ExclusiveLockModule.forRoot({ ...replica.options, ...options })],
    providers: [Reports],
  })
    .setLogger(new CapturingLogger())
    .compile();
  closeAfterwards({
    close: async () => {
      await replica.wake();
      await module.close();
    },
  });
  await module.init();
  return { replica, locks: module.get(ExclusiveLockService) };
}

/** The terms of a replica that stands for election: their leases, and whether their signals have aborted. */
async function stand({ locks }: { locks: ExclusiveLockService }): Promise<Lease[]> {
  const terms: Lease[] = [];
  void locks.elect('feed').whileLeader(async (lease) => {
    terms.push(lease);
    await new Promise((resolve) => lease.signal.addEventListener('abort', resolve));
  });
  await kit.clock.advance(0);
  return terms;
}

describe('replicas of the kit', () => {
  it('exclude each other, and see each other by name', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const { finish } = await startWork(one.locks, 'report');

    expect(await two.locks.run('report', work)).toMatchObject({ reason: 'busy', holder: { replica: 'one' } });
    await eventually(async () => {
      const replicas = await two.locks.jobs.replicas();
      expect(replicas.map(({ replica }) => replica).toSorted()).toEqual(['one', 'two']);
    });
    await finish();
    expect(await two.locks.run('report', work)).toEqual(RAN);
  });

  it.each(['one', 'another-replica'])('have names of their own: not again %s', async (name) => {
    kit.replica('one');

    expect(() => kit.replica(name)).toThrow(`The test kit has a replica "${name}" already.`);
  });

  it('have names that are accepted as such', () => {
    expect(() => kit.replica('')).toThrow('The name of a replica');
  });
});

describe('a replica that is suspended', () => {
  it('renews nothing, so that another takes over, and notices it when it is woken', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const { lease, signal, finish } = await startWork(one.locks, 'report');

    one.replica.suspend();
    await kit.clock.advance(TTL - 1);
    expect(await two.locks.run('report', work)).toMatchObject({ reason: 'busy' });
    await kit.clock.advance(1);
    expect(await two.locks.run('report', work)).toEqual(RAN);
    expect(signal.aborted).toBe(false);
    await one.replica.wake();

    expect([lease.held, signal.aborted]).toEqual([false, true]);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
    expect(await finish()).toMatchObject({ status: 'lost' });
  });

  it('keeps its lock if it is woken in time', async () => {
    const { replica, locks } = await start('one');
    const { lease, finish } = await startWork(locks, 'report');

    replica.suspend();
    await kit.clock.advance(2 * RENEW_EVERY);
    await replica.wake();
    await kit.clock.advance('1h');

    expect(lease.held).toBe(true);
    expect(await finish()).toEqual(RAN);
  });

  it('gets no reply before it is woken', async () => {
    const { replica, locks } = await start('one');
    let outcome: unknown;

    replica.suspend();
    const running = locks.run('report', work).then((value) => (outcome = value));
    await kit.clock.advance(0);
    expect(outcome).toBeUndefined();
    await replica.wake();

    expect(await running).toEqual(RAN);
  });

  it('waits for a reply no longer than for commandTimeout, in real time', async () => {
    const { replica, locks } = await start('one', { commandTimeout: 50 });

    replica.suspend();

    const told = 'the test has suspended this replica; wake() it before it is closed';
    await expect(locks.inspect('report')).rejects.toThrow(told);
  });

  it('is not notified of the lock it waits for before it is woken', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const { finish } = await startWork(one.locks, 'report');
    let hasRun = false;
    const waiting = two.locks.run('report', () => (hasRun = true), { wait: '1h' });
    await kit.clock.advance(0);

    two.replica.suspend();
    await finish();
    await kit.clock.advance('1s');
    expect(hasRun).toBe(false);
    await two.replica.wake();
    await waiting;

    expect(hasRun).toBe(true);
  });

  it('has abandoned the run that it was in', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tick = new Date(Date.now() - 60_000);
    const occurrence = { tick, job: 'report' };
    const gate = new Gate();
    const running = one.locks.run('report', () => gate.pass(), { occurrence });
    await gate.reached;

    one.replica.suspend();
    await kit.clock.advance(TTL);

    expect(await two.locks.jobs.runs('report')).toMatchObject([
      { tick, replica: 'one', outcome: 'abandoned' },
    ]);
    gate.open();
    await one.replica.wake();
    await running;
  });

  it('leads no longer, and another does', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const [first, second] = [await stand(one), await stand(two)];
    expect([first.length, second.length]).toEqual([1, 0]);

    one.replica.suspend();
    await kit.clock.advance('1m');
    expect(second).toHaveLength(1);
    expect(second[0].fencingToken).toBeGreaterThan(first[0].fencingToken);
    await one.replica.wake();

    expect([first[0].signal.aborted, second[0].signal.aborted]).toEqual([true, false]);
  });
});

describe('a replica that is cut off', () => {
  it('reaches no store, while the others do', async () => {
    const [one, two] = [await start('one'), await start('two')];

    one.replica.cutOff();
    expect(await one.locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    expect(await two.locks.run('report', work)).toEqual(RAN);
    one.replica.reconnect();

    expect(await one.locks.run('report', work)).toEqual(RAN);
  });

  it('shares the outages of the store', async () => {
    const { locks } = await start('one');

    kit.down();
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    kit.up();

    expect(await locks.run('report', work)).toEqual(RAN);
  });
});

describe('a lease of a replica', () => {
  it('can be lost', async () => {
    const { locks } = await start('one');
    const { signal, finish } = await startWork(locks, 'report');

    await kit.loseLease('report');

    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
    await finish();
  });
});
