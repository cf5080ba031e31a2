import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockModule,
  ExclusiveLockService,
  LockConfigurationError,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { Gate } from './support/gate.js';
import { loadError } from './support/load-error.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';
const EVERY_SECOND = '* * * * * *';

/** Two methods with one lock name. */
function twoOf(first?: ExclusiveOptions, second?: ExclusiveOptions) {
  @Injectable()
  class Reports {
    readonly gate = new Gate();

    @Exclusive('report', first)
    async daily(): Promise<string | undefined> {
      await this.gate.pass();
      return 'daily';
    }

    @Exclusive('report', second)
    async weekly(): Promise<string | undefined> {
      return 'weekly';
    }
  }
  return Reports;
}

/** Each time another class of one name. */
function sameName() {
  @Injectable()
  class Jobs {
    @Exclusive()
    async run(): Promise<void> {}
  }
  return Jobs;
}

/** Two classes that inherit one method. */
function subclasses(options?: ExclusiveOptions) {
  class Sync {
    @Exclusive('sync', options)
    async run(): Promise<string | undefined> {
      return this.constructor.name;
    }
  }
  @Injectable()
  class Users extends Sync {}
  @Injectable()
  class Orders extends Sync {}
  return [Users, Orders];
}

/** A module with locks of its own. */
function feature() {
  @Injectable()
  class Jobs {
    @Exclusive('a')
    async run(): Promise<string | undefined> {
      return 'ran';
    }
  }
  @Module({
    imports: [ExclusiveLockModule.forRoot({ store: 'memory', isGlobal: false })],
    providers: [Jobs],
  })
  class FeatureModule {}
  return FeatureModule;
}

describe('two methods with one lock name', () => {
  it.each<[string, ExclusiveOptions | undefined, ExclusiveOptions | undefined]>([
    ['', undefined, undefined],
    [' unless both set shared: only the first does', { shared: true }, undefined],
    [' unless both set shared: only the second does', undefined, { shared: true }],
    [' if one sets shared: false', { shared: true }, { shared: false }],
  ])('are refused at start%s', async (_unless, first, second) => {
    const failure = await startFailure({ providers: [twoOf(first, second)] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(
      'Reports.daily (in RootTestModule) and Reports.weekly (in RootTestModule)',
    );
    expect(failure.message).toContain('have the same lock name, "report"');
    expect(failure.message).toContain('shared: true');
  });

  it('exclude each other if both set shared', async () => {
    const Reports = twoOf({ shared: true }, { shared: true });
    const { module } = await startApp({ providers: [Reports] });
    const reports = module.get(Reports);
    const running = reports.daily();
    await reports.gate.reached;
    await expect(reports.weekly()).resolves.toBeUndefined();
    reports.gate.open();
    await expect(running).resolves.toBe('daily');
    await expect(reports.weekly()).resolves.toBe('weekly');
  });

  it('may inherit shared from the defaults of their class', async () => {
    const Reports = twoOf();
    Exclusive.defaults({ shared: true })(Reports);
    await startApp({ providers: [Reports] });
  });

  it('are refused at start if a third one does not set shared', async () => {
    @Injectable()
    class More {
      @Exclusive('report')
      async monthly(): Promise<void> {}
    }
    const Reports = twoOf({ shared: true }, { shared: true });
    for (const providers of [
      [Reports, More],
      [More, Reports],
    ]) {
      const failure = await startFailure({ providers });
      expect(failure.message).toContain('More.monthly (in RootTestModule)');
      expect(failure.message).toMatch(/Reports\.daily/);
    }
  });

  it('are found in two modules, and in providers that are not singletons', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class One {
      @Exclusive('a')
      async run(): Promise<void> {}
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Two {
      @Exclusive('a')
      async run(): Promise<void> {}
    }
    @Module({ providers: [One] })
    class OneModule {}
    @Module({ providers: [Two] })
    class TwoModule {}
    const failure = await startFailure({ imports: [OneModule, TwoModule] });
    expect(failure.message).toContain('One.run (in OneModule) and Two.run (in TwoModule)');
  });

  it('include methods without a name in two classes of the same name', async () => {
    const failure = await startFailure({ providers: [sameName(), sameName()] });
    expect(failure.message).toContain('have the same lock name, "Jobs.run"');
  });

  it('include a name that equals the default name of another method', async () => {
    @Injectable()
    class Jobs {
      @Exclusive()
      async run(): Promise<void> {}

      @Exclusive('Jobs.run')
      async other(): Promise<void> {}
    }
    const failure = await startFailure({ providers: [Jobs] });
    expect(failure.message).toContain('Jobs.run (in RootTestModule) and Jobs.other');
  });

  it('include a method that two subclasses inherit, unless it sets shared', async () => {
    const failure = await startFailure({ providers: subclasses() });
    expect(failure.message).toContain('Users.run (in RootTestModule) and Orders.run (in RootTestModule)');
    await startApp({ providers: subclasses({ shared: true }) });
  });
});

describe('methods that do not conflict', () => {
  it('include those of a class that two modules provide under two tokens', async () => {
    @Injectable()
    class Jobs {
      @Exclusive('a')
      async run(): Promise<string | undefined> {
        return 'ran';
      }
    }
    @Module({ providers: [Jobs] })
    class OneModule {}
    @Module({ providers: [Jobs, { provide: 'factory', useFactory: () => new Jobs() }] })
    class TwoModule {}
    @Module({ providers: [{ provide: 'existing', useExisting: Jobs }, Jobs], controllers: [Jobs] })
    class ThreeModule {}
    const { module } = await startApp({ imports: [OneModule, TwoModule, ThreeModule] });
    const made = module.get<Jobs>('factory', { strict: false });
    await expect(made.run()).resolves.toBe('ran');
  });

  it('include a method that a subclass inherits if only the subclass is provided', async () => {
    class Base {
      @Exclusive('a')
      async run(): Promise<void> {}
    }
    @Injectable()
    class Child extends Base {}
    await startApp({ providers: [Child, { provide: Base, useExisting: Child }] });
  });

  it('include a method without a name in two subclasses, where each has its own name', async () => {
    class Sync {
      @Exclusive()
      async run(): Promise<string | undefined> {
        return ExclusiveLockService.current()?.name;
      }
    }
    @Injectable()
    class Users extends Sync {}
    @Injectable()
    class Orders extends Sync {}
    const { module } = await startApp({ providers: [Users, Orders] });
    await expect(module.get(Users).run()).resolves.toBe('Users.run');
    await expect(module.get(Orders).run()).resolves.toBe('Orders.run');
  });

  it('include a method that a subclass has replaced', async () => {
    class Base {
      @Exclusive('a')
      async run(): Promise<void> {}
    }
    @Injectable()
    class Child extends Base {
      @Exclusive('a')
      override async run(): Promise<void> {}
    }
    await startApp({ providers: [Child] });
  });

  it('include those whose names come from functions', async () => {
    @Injectable()
    class Jobs {
      @Exclusive((id: string) => `job:${id}`)
      async one(_id: string): Promise<void> {}

      @Exclusive((id: string) => `job:${id}`)
      async two(_id: string): Promise<void> {}
    }
    await startApp({ providers: [Jobs] });
  });

  it('include those of two applications in one process', async () => {
    @Injectable()
    class Jobs {
      @Exclusive('a')
      async run(): Promise<void> {}
    }
    @Injectable()
    class Others {
      @Exclusive('a')
      async run(): Promise<void> {}
    }
    await startApp({ providers: [Jobs] });
    await startApp({ providers: [Others] });
  });

  it('include those of two lock modules', async () => {
    await startApp({ locks: null, imports: [feature(), feature()] });
  });
});

it('shared is refused at start on a method whose name is a function', async () => {
  @Injectable()
  class Jobs {
    @Exclusive((id: string) => id, { shared: true })
    async run(_id: string): Promise<void> {}
  }
  const failure = await startFailure({ providers: [Jobs] });
  expect(failure).toBeInstanceOf(LockConfigurationError);
  expect(failure.message).toContain('shared of @Exclusive on Jobs.run has no effect');
});

it('shared must be true or false', () => {
  const error = loadError(() => Exclusive('a', { shared: 'yes' } as unknown as ExclusiveOptions));
  expect(error).toBeInstanceOf(LockConfigurationError);
  expect(error.message).toContain('shared must be true or false; got shared = "yes"');
});

it('two @Cron jobs that share a lock each have their own ticks', async () => {
  const runs: string[] = [];
  @Injectable()
  class Jobs {
    @Inject() registry!: SchedulerRegistry;

    @Cron(EVERY_SECOND)
    @Exclusive('both', { shared: true })
    async often(): Promise<void> {
      runs.push(`often ${ExclusiveLockService.current()?.tick?.toISOString()}`);
    }

    @Cron(NEVER)
    @Exclusive('both', { shared: true })
    async seldom(): Promise<void> {
      runs.push('seldom');
    }
  }
  const { module } = await startApp({ imports: [ScheduleModule.forRoot()], providers: [Jobs] });
  await eventually(() => runs.length >= 2);
  await module.get(Jobs).seldom();
  expect(runs.at(-1)).toBe('seldom');
  expect(new Set(runs).size).toBe(runs.length);
});
