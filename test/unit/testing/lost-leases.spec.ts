import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { closeApps } from '../../integration/nest/support/nest-apps.js';
import { RAN, compileOn, startWork, work } from './support/app.js';

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

describe('a lease that the kit takes away', () => {
  it('is lost, and another replica has the lock', async () => {
    const { locks, events } = await compileOn(kit);
    const { lease, signal, finish } = await startWork(locks, 'report');

    const other = await kit.loseLease('report');

    expect(lease.held).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
    expect(events.at(-1)).toMatchObject({ type: 'lost', name: 'report' });
    expect(await finish()).toMatchObject({ status: 'lost', value: 'value' });
    expect(await locks.inspect('report')).toMatchObject({ holder: { replica: 'another-replica' } });
    await other.release();
    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('has vanished if the test wants that, and the lock is free', async () => {
    const { locks } = await compileOn(kit);
    const { signal, finish } = await startWork(locks, 'report');

    await kit.loseLease('report', 'vanished');

    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'vanished' });
    expect(await locks.inspect('report')).toBeNull();
    expect(await finish()).toMatchObject({ status: 'lost', error: { reason: 'vanished' } });
  });

  it('is lost at once while the store is down', async () => {
    const { locks } = await compileOn(kit);
    const { signal, finish } = await startWork(locks, 'report');
    kit.down();

    await kit.loseLease('report');

    expect(signal.reason).toMatchObject({ reason: 'taken' });
    kit.up();
    await finish();
  });

  it('may belong to a call that the test has only just made', async () => {
    const { locks } = await compileOn(kit);
    const outcome = locks.run('report', ({ signal }) => aborted(signal));

    const [failure] = await Promise.allSettled([outcome, kit.loseLease('report')]);

    expect(failure).toMatchObject({ status: 'rejected', reason: { code: 'LOCK_LOST' } });
  });

  it('affects no other lease, and takes no time', async () => {
    const { locks } = await compileOn(kit);
    const [lost, kept] = [await startWork(locks, 'lost'), await startWork(locks, 'kept')];
    const before = kit.clock.now();

    await kit.loseLease('lost');

    expect([lost.lease.held, kept.lease.held]).toEqual([false, true]);
    expect(kit.clock.now()).toBe(before);
    await lost.finish();
    expect(await kept.finish()).toEqual(RAN);
  });

  it('is the one of the holder if several replicas share the store', async () => {
    const [one, two] = [await compileOn(kit), await compileOn(kit)];
    const running = await startWork(two.locks, 'report');

    await kit.loseLease('report');

    expect(running.signal.aborted).toBe(true);
    expect(one.events.filter(({ type }) => type === 'lost')).toEqual([]);
    await running.finish();
  });

  it('must exist', async () => {
    await compileOn(kit);
    await kit.holdElsewhere('elsewhere');

    await expect(kit.loseLease('free')).rejects.toThrow(
      'The lease on "free" cannot be lost: nobody holds the lock.',
    );
    await expect(kit.loseLease('elsewhere')).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    await expect(kit.loseLease('free', 'gone' as 'taken')).rejects.toThrow(`'taken' or 'vanished'`);
  });
});

/** Rejects with the reason for which the signal aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}
