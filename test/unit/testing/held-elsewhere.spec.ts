import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Exclusive } from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { closeApps } from '../../integration/nest/support/nest-apps.js';
import { HOUR, RAN, TTL, compileOn, isSettled, startWork, work } from './support/app.js';

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

describe('a lock that is held elsewhere', () => {
  it('is busy for the application until it is released there', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report', { contents: { page: 3 } });

    await expect(locks.run('report', work)).resolves.toMatchObject({
      reason: 'busy',
      holder: { replica: 'another-replica', contents: { page: 3 } },
    });
    await kit.clock.advance(24 * HOUR);
    await expect(locks.acquire('report')).resolves.toBeNull();
    await other.release();

    await expect(locks.run('report', work)).resolves.toEqual(RAN);
  });

  it('is free when the other replica has died and the TTL has passed', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report', { ttl: 3000 });
    await kit.clock.advance(HOUR);

    await other.die();
    await kit.clock.advance(2999);
    expect(await locks.run('report', work)).toMatchObject({ reason: 'busy', remaining: 1 });
    await kit.clock.advance(1);

    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('does not affect the application when it is released again', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report');
    await other.release();
    const { lease, finish } = await startWork(locks, 'report');

    await other.release();
    await other.die();
    await kit.clock.advance(HOUR);

    expect(lease.held).toBe(true);
    expect(await finish()).toEqual(RAN);
  });

  it('goes to the waiter when it is released', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report');
    const outcome = locks.run('report', work, { wait: true });
    await kit.clock.advance(60_000);
    expect(await isSettled(outcome)).toBe(false);

    await other.release();

    expect(await outcome).toEqual(RAN);
  });

  it('is waited for on the clock of the kit', async () => {
    const { locks } = await compileOn(kit);
    await kit.holdElsewhere('report');
    const outcome = locks.run('report', work, { wait: 60_000 });

    await kit.clock.advance(59_999);
    expect(await isSettled(outcome)).toBe(false);
    const [failure] = await Promise.allSettled([outcome, kit.clock.advance(1)]);

    expect(failure).toMatchObject({
      reason: { code: 'LOCK_TIMEOUT', holder: { replica: 'another-replica' } },
    });
  });

  it('makes a start hook stand by, and take over when the other replica dies', async () => {
    const started: string[] = [];
    @Injectable()
    class Migration implements OnModuleInit {
      @Exclusive('migrate')
      async onModuleInit(): Promise<void> {
        started.push('migration');
      }
    }
    const other = await kit.holdElsewhere('migrate');
    const { module } = await compileOn(kit, Migration);
    const init = module.init();

    await kit.clock.advance(60_000);
    expect(started).toEqual([]);
    await other.die();
    await kit.clock.advance(TTL);
    await init;

    expect(started).toEqual(['migration']);
  });

  it('cannot be a lock that is held already', async () => {
    const { locks } = await compileOn(kit);
    await kit.holdElsewhere('there');
    await startWork(locks, 'here').then(async ({ finish }) => {
      await expect(kit.holdElsewhere('here')).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
      await finish();
    });
    await expect(kit.holdElsewhere('there')).rejects.toThrow(
      '"there" cannot be held elsewhere: another-replica holds it.',
    );
  });
});
