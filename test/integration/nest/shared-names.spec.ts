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
    [' unless both say shared: the first does', { shared: true }, undefined],
    [' unless both say shared: the second does', undefined, { shared: true }],
    [' also where one says shared: false', { shared: true }, { shared: false }],
  ])('end the start%s', async (_unless, first, second) => {
    const failure = await startFailure({ providers: [twoOf(first, second)] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(
      'Reports.daily (in RootTestModule) and Reports.weekly (in RootTestModule)',
    );
    expect(failure.message).toContain('have one lock name, "report"');
    expect(failure.message).toContain('shared: true');
  });

  it('exclude each other where both say shared', async () => {
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

  it('may have it from the defaults of their class', async () => {
    const Reports = twoOf();
    Exclusive.defaults({ shared: true })(Reports);
    await startApp({ providers: [Reports] });
  });

  it('end the start where a third one does not say shared', async () => {
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

  it('are found in two modules, and in what is not a singleton', async () => {
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

  it('are those of two classes with one name, too, which have none of their own', async () => {
    const failure = await startFailure({ providers: [sameName(), sameName()] });
    expect(failure.message).toContain('have one lock name, "Jobs.run"');
  });

  it('are a string and the name that another has by default', async () => {
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

  it('are those of two subclasses that inherit it, unless it says shared', async () => {
    const failure = await startFailure({ providers: subclasses() });
    expect(failure.message).toContain('Users.run (in RootTestModule) and Orders.run (in RootTestModule)');
    await startApp({ providers: subclasses({ shared: true }) });
  });
});

describe('what is one method, or has no name to compare', () => {
  it('is a class that two modules provide, and that has two tokens', async () => {
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

  it('is a method that a subclass inherits while only the subclass is provided', async () => {
    class Base {
      @Exclusive('a')
      async run(): Promise<void> {}
    }
    @Injectable()
    class Child extends Base {}
    await startApp({ providers: [Child, { provide: Base, useExisting: Child }] });
  });

  it('is a method without a name in two subclasses: each has its own', async () => {
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

  it('is a method that a subclass has replaced', async () => {
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

  it('are names that functions give', async () => {
    @Injectable()
    class Jobs {
      @Exclusive((id: string) => `job:${id}`)
      async one(_id: string): Promise<void> {}

      @Exclusive((id: string) => `job:${id}`)
      async two(_id: string): Promise<void> {}
    }
    await startApp({ providers: [Jobs] });
  });

  it('are methods of two applications in one process', async () => {
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

  it('are methods whose locks are of two modules', async () => {
    await startApp({ locks: null, imports: [feature(), feature()] });
  });
});

it('shared on a method whose name is a function ends the start', async () => {
  @Injectable()
  class Jobs {
    @Exclusive((id: string) => id, { shared: true })
    async run(_id: string): Promise<void> {}
  }
  const failure = await startFailure({ providers: [Jobs] });
  expect(failure).toBeInstanceOf(LockConfigurationError);
  expect(failure.message).toContain('shared of @Exclusive on Jobs.run would do nothing');
});

it('shared is true or false', () => {
  const error = loadError(() => Exclusive('a', { shared: 'yes' } as unknown as ExclusiveOptions));
  expect(error).toBeInstanceOf(LockConfigurationError);
  expect(error.message).toContain('shared must be true or false; got shared = "yes"');
});

it('two @Cron jobs that share a lock have each their own ticks', async () => {
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
