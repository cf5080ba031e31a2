import { Injectable, SetMetadata, applyDecorators } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockService,
  LockBusyError,
  LockConfigurationError,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { loadError } from './support/load-error.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';

type Held = { remaining: number; contents: unknown };

/** A class with some methods, whose defaults a test adds. */
function newJobs() {
  @Injectable()
  class Jobs {
    constructor(readonly locks: ExclusiveLockService) {}

    @Exclusive('plain')
    async plain(): Promise<Held | undefined> {
      return this.held('plain');
    }

    @Exclusive('own', { ttl: 3000, contents: 'own' })
    async own(): Promise<Held | undefined> {
      return this.held('own');
    }

    async held(name: string): Promise<Held> {
      const state = await this.locks.inspect(name);
      return { remaining: Math.ceil(state!.remaining / 1000) * 1000, contents: state!.holder.contents };
    }
  }
  return Jobs;
}

type JobsClass = ReturnType<typeof newJobs>;

/** A decorator that puts a subclass in the place of the class. */
const replace = (Base: JobsClass): JobsClass => class Traced extends Base {};

const startJobs = async (Jobs: JobsClass) => {
  const { module, locks } = await startApp({ providers: [Jobs] });
  return { jobs: module.get<InstanceType<JobsClass>>(Jobs), locks };
};

describe('@Exclusive.defaults on a class', () => {
  it('gives options to its methods, whose own options take precedence', async () => {
    const Jobs = newJobs();
    Exclusive.defaults({ ttl: 7000, contents: 'default' })(Jobs);
    const { jobs } = await startJobs(Jobs);

    await expect(jobs.plain()).resolves.toEqual({ remaining: 7000, contents: 'default' });
    await expect(jobs.own()).resolves.toEqual({ remaining: 3000, contents: 'own' });
  });

  it('applies if a method sets an option to undefined', async () => {
    @Injectable()
    @Exclusive.defaults({ whenBusy: 'throw' })
    class Orders {
      @Exclusive('order', { whenBusy: undefined })
      async place(): Promise<void> {}
    }
    const { module, locks } = await startApp({ providers: [Orders] });
    await using lease = await locks.acquire('order');
    expect(lease?.held).toBe(true);
    await expect(module.get(Orders).place()).rejects.toThrow(LockBusyError);
  });

  it.each([
    ['above @Injectable', true],
    ['below @Injectable', false],
  ])('works %s, and within applyDecorators', async (_where, above) => {
    const defaults = applyDecorators(Exclusive.defaults({ ttl: 7000 }), SetMetadata('team', 'night'));
    const Jobs = newJobs();
    const decorators: ClassDecorator[] = [defaults, Injectable()];
    // The lowest is called first.
    for (const decorate of above ? decorators.toReversed() : decorators) decorate(Jobs);
    const { jobs } = await startJobs(Jobs);

    await expect(jobs.plain()).resolves.toMatchObject({ remaining: 7000 });
  });

  it.each([
    ['above', true],
    ['below', false],
  ])('works %s a decorator that replaces the class by a subclass', async (_where, above) => {
    let Jobs = newJobs();
    if (above) Jobs = replace(Jobs);
    Exclusive.defaults({ ttl: 7000 })(Jobs);
    if (!above) Jobs = replace(Jobs);
    Reflect.defineMetadata('design:paramtypes', [ExclusiveLockService], Jobs);
    const { jobs } = await startJobs(Jobs);

    await expect(jobs.plain()).resolves.toMatchObject({ remaining: 7000 });
  });

  it('is inherited, and for each option the nearest class wins', async () => {
    const Base = newJobs();
    Exclusive.defaults({ ttl: 7000, contents: 'base' })(Base);
    @Injectable()
    @Exclusive.defaults({ contents: 'child' })
    class Child extends Base {}
    const base = await startJobs(Base);
    const child = await startJobs(Child);

    await expect(base.jobs.plain()).resolves.toEqual({ remaining: 7000, contents: 'base' });
    await expect(child.jobs.plain()).resolves.toEqual({ remaining: 7000, contents: 'child' });
    await expect(child.jobs.own()).resolves.toEqual({ remaining: 3000, contents: 'own' });
  });

  it('on a subclass does not change the base class in the same application', async () => {
    const Base = newJobs();
    @Injectable()
    @Exclusive.defaults({ ttl: 7000, shared: true })
    class Child extends Base {}
    Exclusive.defaults({ shared: true })(Base);
    const { module } = await startApp({ providers: [Base, Child] });

    await expect(module.get(Child).plain()).resolves.toMatchObject({ remaining: 7000 });
    await expect(module.get(Base).plain()).resolves.toMatchObject({ remaining: 10_000 });
    await expect(module.get(Child).plain()).resolves.toMatchObject({ remaining: 7000 });
  });

  it('given twice is merged, and the upper one wins', async () => {
    const Jobs = newJobs();
    Exclusive.defaults({ ttl: 7000, contents: 'lower' })(Jobs);
    Exclusive.defaults({ contents: 'upper' })(Jobs);
    const { jobs } = await startJobs(Jobs);

    await expect(jobs.plain()).resolves.toEqual({ remaining: 7000, contents: 'upper' });
  });

  it('keeps renewEvery together with the ttl it was given with', async () => {
    @Injectable()
    @Exclusive.defaults({ ttl: 9000, renewEvery: 4000 })
    class Jobs {
      @Exclusive('short', { ttl: 300 })
      async short(): Promise<string | undefined> {
        return 'ran';
      }
    }
    const { module } = await startApp({ providers: [Jobs] });
    await expect(module.get(Jobs).short()).resolves.toBe('ran');
  });

  it('is ignored on methods on which an option has no effect', async () => {
    @Injectable()
    @Exclusive.defaults({
      whenBusy: 'throw',
      whenUnavailable: 'throw',
      minGap: 60_000,
      version: 'v1',
      standbyTimeout: 1000,
      onHolderDeath: 'rerun',
    })
    class Mixed {
      started = 0;

      @Exclusive('hook')
      async onModuleInit(): Promise<void> {
        this.started++;
      }

      @Cron(NEVER)
      @Exclusive('cron')
      async nightly(): Promise<string | undefined> {
        return 'ran';
      }

      @Exclusive('plain')
      async plain(): Promise<string | undefined> {
        return 'ran';
      }
    }
    const imports = [ScheduleModule.forRoot()];
    const { module, locks } = await startApp({ imports, providers: [Mixed] });
    const mixed = module.get(Mixed);

    expect(mixed.started).toBe(1);
    await expect(mixed.nightly()).resolves.toBe('ran');
    await expect(mixed.nightly()).resolves.toBe('ran');
    await using lease = await locks.acquire('cron');
    expect(lease?.held).toBe(true);
    await expect(mixed.nightly()).resolves.toBeUndefined();
    await expect(mixed.plain()).resolves.toBe('ran');
    await expect(mixed.plain()).resolves.toBeUndefined();
  });

  it('does not show its options when an object of the class is listed or printed', async () => {
    const Jobs = newJobs();
    Exclusive.defaults({ ttl: 7000 })(Jobs);
    expect(Object.keys(Jobs)).toEqual([]);
    expect(Object.keys(Jobs.prototype)).toEqual([]);
  });

  it.each<[options: unknown, told: string]>([
    [{ ttl: 5 }, 'ttl = 5'],
    [{ renewEvery: 1000 }, 'renewEvery = 1000'],
    [{ prefix: 'a' }, 'prefix is not an option of @Exclusive.defaults()'],
    [{ whenBusy: 'queue' }, "whenBusy must be 'skip', 'wait' or 'throw'"],
    [{ maxHold: 5 }, 'maxHold = 5'],
    [undefined, 'must be an object'],
    [null, 'must be an object'],
  ])('is refused when the class is loaded: %p', (options, told) => {
    const error = loadError(() => Exclusive.defaults(options as ExclusiveOptions));
    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toContain(told);
  });

  it('is refused on a method, also by TypeScript', () => {
    const error = loadError(() => {
      class Jobs {
        // @ts-expect-error a decorator of classes
        @Exclusive.defaults({ ttl: 1000 })
        run(): void {}
      }
      return Jobs;
    });
    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toContain('"run"');
  });

  it('is refused on a static method', () => {
    const error = loadError(() => {
      class Jobs {
        // @ts-expect-error a decorator of classes
        @Exclusive.defaults({ ttl: 1000 })
        static run(): void {}

        readonly name = 'jobs';
      }
      return Jobs;
    });
    expect(error).toBeInstanceOf(LockConfigurationError);
  });

  it('does not hide an option of the method that has no effect', async () => {
    @Injectable()
    @Exclusive.defaults({ whenBusy: 'wait' })
    class Jobs {
      @Cron(NEVER)
      @Exclusive('a', { whenBusy: 'wait' })
      async run(): Promise<void> {}
    }
    const failure = await startFailure({ imports: [ScheduleModule.forRoot()], providers: [Jobs] });
    expect(failure.message).toContain('whenBusy of @Exclusive on Jobs.run has no effect');
  });
});
