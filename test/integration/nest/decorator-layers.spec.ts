import { Injectable } from '@nestjs/common';
import { Cron, Interval, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockService, LockBusyError, LockStoreError } from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { eventually } from '../../support/eventually.js';
import { fire, jobOf } from './support/fired-jobs.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';
const imports = [ScheduleModule.forRoot()];
let runs: string[] = [];

beforeEach(() => {
  runs = [];
});

describe('two @Exclusive on one method', () => {
  @Injectable()
  class Jobs {
    @Cron(NEVER)
    @Exclusive('outer', { whenUnavailable: 'run' })
    @Exclusive('inner', { whenBusy: 'throw', ttl: 5000 })
    async run(): Promise<string | undefined> {
      runs.push('run');
      return ExclusiveLockService.current()?.name;
    }
  }

  it('each keep their own options: the inner one never runs unlocked, even if the outer one may', async () => {
    const kit = new LockTestKit();
    const { module } = await startApp({ locks: { store: kit.store }, providers: [Jobs] });
    kit.down();
    await expect(module.get(Jobs).run()).rejects.toThrow(LockStoreError);
    expect(runs).toEqual([]);
    kit.up();
    await expect(module.get(Jobs).run()).resolves.toBe('inner');
  });

  it('act as a job of the scheduler and a method that it calls: the inner one throws when its lock is busy', async () => {
    const { module, locks } = await startApp({ imports, providers: [Jobs] });
    const lease = await locks.acquire('inner');
    await expect(module.get(Jobs).run()).rejects.toThrow(LockBusyError);
    await lease?.release();
    fire(jobOf(module));
    await eventually(() => expect(runs).toEqual(['run']));
  });
});

describe('an override with @Exclusive that calls a base method with @Exclusive', () => {
  class Base {
    readonly gate = new Gate();

    @Exclusive('base', { minGap: 60_000 })
    async limited(): Promise<void> {
      runs.push('limited');
    }

    @Exclusive('waits', { whenBusy: 'wait', wait: 60_000 })
    async waits(): Promise<void> {
      runs.push('waited');
    }

    @Exclusive('throws', { whenBusy: 'throw', whenUnavailable: 'throw' })
    async throws(): Promise<void> {
      runs.push('threw');
    }
  }

  @Injectable()
  class Jobs extends Base {
    @Cron(NEVER, { name: 'limited' })
    @Exclusive('limited-override')
    override async limited(): Promise<void> {
      runs.push('override');
      await super.limited();
    }

    @Interval(60_000)
    @Exclusive('waits-override', { ttl: 5000 })
    override async waits(): Promise<void> {
      await super.waits();
    }

    @Cron(NEVER, { name: 'throws' })
    @Exclusive('throws-override')
    override async throws(): Promise<void> {
      await super.throws();
    }
  }

  it('keeps the minGap of the base', async () => {
    const { module } = await startApp({ imports, providers: [Jobs] });
    fire(jobOf(module, 'limited'));
    await eventually(() => expect(runs).toEqual(['override', 'limited']));
    await module.get(Jobs).limited();
    await module.get(Jobs).limited();
    expect(runs).toEqual(['override', 'limited', 'override', 'override']);
  });

  it("keeps whenBusy: 'wait' and wait of the base", async () => {
    const { module, locks } = await startApp({ imports, providers: [Jobs] });
    const lease = await locks.acquire('waits');
    let waited = false;
    locks.events$.subscribe(({ type }) => (waited ||= type === 'waited'));
    const running = module.get(Jobs).waits();
    await eventually(async () => (await locks.inspect('waits'))?.waiters !== 0);
    await lease?.release();
    await running;
    expect(runs).toEqual(['waited']);
    expect(waited).toBe(true);
  });

  it("keeps whenBusy: 'throw' and whenUnavailable: 'throw' of the base", async () => {
    const kit = new LockTestKit();
    const { module } = await startApp({ locks: { store: kit.store }, imports, providers: [Jobs] });
    const other = await kit.holdElsewhere('throws');
    await expect(module.get(Jobs).throws()).rejects.toThrow(LockBusyError);
    await other.release();
    const base = Object.getPrototypeOf(Jobs.prototype) as Base;
    kit.down();
    await expect(base.throws.call(module.get(Jobs))).rejects.toThrow(LockStoreError);
  });
});

it('a base @Interval runs once a period if an override without @Exclusive calls it', async () => {
  class Base {
    @Interval(60_000)
    @Exclusive('poll')
    async poll(): Promise<void> {
      runs.push('poll');
    }
  }
  @Injectable()
  class Jobs extends Base {
    @Interval(60_000)
    override async poll(): Promise<void> {
      await super.poll();
    }
  }
  const { module } = await startApp({ imports, providers: [Jobs] });
  await module.get(Jobs).poll();
  await module.get(Jobs).poll();
  expect(runs).toEqual(['poll']);
});
