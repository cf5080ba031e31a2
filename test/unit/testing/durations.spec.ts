import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Exclusive, LockTimeoutError } from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { retryOf } from '../../../lib/decorators/fitting-options.js';
import { resolveSettings } from '../../../lib/exclusive-lock.options.js';
import type { MethodRole } from '../../../lib/schedule/method-role.js';
import { closeApps } from '../../integration/nest/support/nest-apps.js';
import { Gate } from '../../integration/nest/support/gate.js';
import { RAN, compileOn, isSettled, work } from './support/app.js';

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

/** Whether the promise settles when that time has passed on the kit's clock, and not a millisecond earlier. */
async function settlesAfter(ms: number, promise: Promise<unknown>): Promise<boolean> {
  await kit.clock.advance(ms - 1);
  const early = await isSettled(promise);
  await kit.clock.advance(1);
  return !early && (await isSettled(promise));
}

describe('a string is accepted as a duration', () => {
  it('in the options of the module', () => {
    const times = { ttl: '30s', renewEvery: '5s', commandTimeout: '1.5s', drainTimeout: '1m' } as const;
    expect(resolveSettings({ store: 'memory', ...times })).toMatchObject({
      ttl: 30_000,
      renewEvery: 5000,
      commandTimeout: 1500,
      drainTimeout: 60_000,
    });
  });

  it('in the options of a lease', async () => {
    const { locks, events } = await compileOn(kit);
    const lease = await locks.acquire('report', { ttl: '20s', renewEvery: '4s', maxHold: '1m' });
    await kit.clock.advance('9s');
    expect(events.filter(({ type }) => type === 'renewed')).toHaveLength(2);
    expect(await locks.inspect('report')).toMatchObject({ remaining: 19_000 });
    await kit.clock.advance('50s');
    expect(lease?.held).toBe(true);
    await kit.clock.advance('1s');
    expect(lease?.signal.reason).toMatchObject({ reason: 'max-hold' });
  });

  it('in the options of a lock object, which returns milliseconds', async () => {
    const { locks } = await compileOn(kit);
    expect(locks.lock('report', { ttl: '20s', renewEvery: '4s' })).toMatchObject({
      ttl: 20_000,
      renewEvery: 4000,
    });
  });

  it('as the time to wait for a lock', async () => {
    const { locks } = await compileOn(kit);
    await kit.holdElsewhere('report');
    const outcome = locks.run('report', work, { wait: '5s' });
    outcome.catch(() => {});
    expect(await settlesAfter(5000, outcome)).toBe(true);
    await expect(outcome).rejects.toThrow(LockTimeoutError);
  });

  it('as the time to retry while the store is away', async () => {
    const { locks } = await compileOn(kit);
    kit.down();
    const outcome = locks.run('report', work, { retryFor: '5s' });
    await kit.clock.advance('4s');
    expect(await isSettled(outcome)).toBe(false);
    await kit.clock.advance('1s');
    expect(await outcome).toMatchObject({ reason: 'store-unavailable' });
  });

  it.each([
    ['gap', { gap: '1h' }],
    ['memory of a key', { key: 'v1', remember: '1h' }],
  ] as const)('as the %s of an occurrence', async (_what, occurrence) => {
    const { locks } = await compileOn(kit);
    await locks.run('report', work, { occurrence });
    await kit.clock.advance('30 minutes');
    expect(await locks.run('report', work, { occurrence })).toMatchObject({ reason: 'done' });
    await kit.clock.advance('30 minutes');
    expect(await locks.run('report', work, { occurrence })).toEqual(RAN);
  });

  it('in the test kit', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report', { ttl: '3s' });
    await other.die();
    await kit.clock.standStill('2s');
    expect(await locks.run('report', work)).toMatchObject({ reason: 'busy', remaining: 1000 });
    await kit.clock.advance('1s');
    kit.downFor('1s');
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    await kit.clock.advance('1s');
    expect(await locks.run('report', work)).toEqual(RAN);
  });
});

describe('a string is accepted as a duration of @Exclusive', () => {
  it('on a method, and in the defaults of its class', async () => {
    const gate = new Gate();
    @Injectable()
    @Exclusive.defaults({ ttl: '20s', renewEvery: '4s' })
    class Jobs {
      @Exclusive('report', { maxHold: '1m' })
      async report(): Promise<void> {
        await gate.pass();
      }
    }
    const { module, locks, events } = await compileOn(kit, Jobs);
    const call = module.get(Jobs).report();
    await gate.reached;
    await kit.clock.advance('9s');
    expect(events.filter(({ type }) => type === 'renewed')).toHaveLength(2);
    expect(await locks.inspect('report')).toMatchObject({ remaining: 19_000 });
    await kit.clock.advance('51s');
    expect(events.at(-1)).toMatchObject({ type: 'lost', error: { reason: 'max-hold' } });
    gate.open();
    await call;
  });

  it('as minGap and wait', async () => {
    @Injectable()
    class Jobs {
      @Exclusive('sync', { minGap: '1h' })
      async sync(): Promise<string | undefined> {
        return 'ran';
      }
      @Exclusive('report', { whenBusy: 'wait', wait: '5s' })
      async report(): Promise<void> {}
    }
    const { module } = await compileOn(kit, Jobs);
    const jobs = module.get(Jobs);
    await jobs.sync();
    await kit.clock.advance('59m');
    expect(await jobs.sync()).toBeUndefined();
    await kit.clock.advance('1m');
    expect(await jobs.sync()).toBe('ran');

    await kit.holdElsewhere('report');
    const call = jobs.report();
    call.catch(() => {});
    expect(await settlesAfter(5000, call)).toBe(true);
    await expect(call).rejects.toThrow(LockTimeoutError);
  });

  it('as standbyTimeout and remember', async () => {
    let runs = 0;
    @Injectable()
    class Seeds implements OnModuleInit {
      @Exclusive('seeds', { standbyTimeout: '5s', remember: '1h' })
      async onModuleInit(): Promise<void> {
        runs++;
      }
    }
    const { module } = await compileOn(kit, Seeds);
    const seeds = module.get(Seeds);
    const other = await kit.holdElsewhere('seeds');
    const call = seeds.onModuleInit();
    call.catch(() => {});
    expect(await settlesAfter(5000, call)).toBe(true);
    await expect(call).rejects.toThrow(LockTimeoutError);
    await other.release();

    await seeds.onModuleInit();
    await kit.clock.advance('59m');
    await seeds.onModuleInit();
    expect(runs).toBe(1);
    await kit.clock.advance('1m');
    await seeds.onModuleInit();
    expect(runs).toBe(2);
  });

  it('as retryFor, and no longer than the period of an interval', () => {
    const role: MethodRole = { kind: 'interval', ms: 60_000, name: undefined };
    const gap = { gap: 60_000 };
    expect(retryOf({ retryFor: '5s' }, role, gap)).toBe(5000);
    expect(retryOf({ retryFor: '5m' }, role, gap)).toBe(60_000);
  });

  it('among its checks', () => {
    const refusals: [object, string][] = [
      [{ ttl: '1s', renewEvery: '900ms' }, 'got ttl = 1000, renewEvery = 900. Raise ttl to 1800'],
      [{ renewEvery: '1s' }, 'renewEvery = 1000 and no ttl. Add ttl: 3000.'],
      [{ renewEvery: '5000' }, 'got renewEvery = "5000", which has no unit'],
      [{ minGap: '5000' }, 'got minGap = "5000", which has no unit'],
      [{ ttl: '50ms' }, 'got ttl = "50ms"'],
    ];
    for (const [options, told] of refusals) expect(() => Exclusive('a', options)).toThrow(told);
  });
});
