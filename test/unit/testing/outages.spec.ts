import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { closeApps } from '../../integration/nest/support/nest-apps.js';
import { HOUR, LEASE, RAN, compileOn, startWork, work } from './support/app.js';

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

describe('a store that the kit takes down', () => {
  it('fails every call until it works again', async () => {
    const { locks, log } = await compileOn(kit);

    kit.down();
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    expect(log.ours('error')).toEqual([
      'The lock store (store of the test kit) is unavailable: the test has taken it down. ' +
        'Locks cannot be acquired until it is back.',
    ]);
    await expect(locks.acquire('report')).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false });
    await expect(locks.inspect('report')).rejects.toMatchObject({ code: 'LOCK_STORE' });
    await kit.clock.advance(HOUR);
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    kit.up();

    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('works as soon as the test says so', async () => {
    const { locks } = await compileOn(kit);

    kit.downFor(HOUR);
    kit.up();

    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('works again when the time has passed', async () => {
    const { locks } = await compileOn(kit);

    await kit.clock.advance(HOUR);
    kit.downFor(5000);
    await kit.clock.advance(4999);
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    await kit.clock.advance(1);

    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('costs no lease that outlives the outage', async () => {
    const { locks, events } = await compileOn(kit);
    const { lease, finish } = await startWork(locks, 'report');

    kit.downFor(LEASE / 2);
    await kit.clock.advance(HOUR);

    expect(lease.held).toBe(true);
    expect(events.map(({ type }) => type)).toContain('renewalFailed');
    expect(await finish()).toEqual(RAN);
  });

  it('costs a lease whose TTL passes without a renewal', async () => {
    const { locks } = await compileOn(kit);
    const { lease, signal, finish } = await startWork(locks, 'report');

    kit.downFor(HOUR);
    await kit.clock.advance(LEASE - 10);
    expect([lease.held, signal.aborted]).toEqual([true, false]);
    await kit.clock.advance(10);

    expect(lease.held).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'store-unavailable' });
    kit.up();
    await finish();
  });

  it('gets the lock of work that ended meanwhile', async () => {
    const { locks } = await compileOn(kit);
    const { finish } = await startWork(locks, 'report');

    kit.down();
    const [outcome] = await Promise.all([finish(), kit.clock.advance(1000)]);
    kit.up();
    expect(await locks.inspect('report')).not.toBeNull();
    await kit.clock.advance(2000);

    expect(outcome).toEqual(RAN);
    expect(await locks.inspect('report')).toBeNull();
  });
});
