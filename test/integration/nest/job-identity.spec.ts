import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import { Exclusive, LockConfigurationError, type ExclusiveOptions } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { fire, jobOf } from './support/fired-jobs.js';
import { loadError } from './support/load-error.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';
const HOUR = 3_600_000;
let runs: string[] = [];

beforeEach(() => {
  runs = [];
});

/** A class of that name, as a minifier or a refactoring makes it. */
function named<T extends new (...args: never[]) => object>(name: string, Class: T): T {
  Object.defineProperty(Class, 'name', { value: name });
  return Class;
}

/** Two versions of one provider, whose classes have other names. */
const bothNames = (make: () => new () => object) => [named('Seeds', make()), named('t', make())];

/** A provider with a start hook. */
function seeds() {
  @Injectable()
  class Seeds implements OnModuleInit {
    @Exclusive('seed', { version: '1' })
    async onModuleInit(): Promise<void> {
      runs.push('seed');
    }
  }
  return Seeds;
}

/** A provider with one decorated method. */
function polls(...decorators: MethodDecorator[]) {
  @Injectable()
  class Polls {
    async run(): Promise<void> {
      runs.push('run');
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Polls.prototype, 'run')!;
  for (const decorate of decorators.toReversed()) decorate(Polls.prototype, 'run', descriptor);
  Object.defineProperty(Polls.prototype, 'run', descriptor);
  return Polls;
}

/** A provider with two methods that share a lock. */
function two(first: ExclusiveOptions, second: ExclusiveOptions) {
  @Injectable()
  class Imports {
    @Exclusive('import', { shared: true, minGap: HOUR, ...first })
    async users(): Promise<unknown> {
      return runs.push('users');
    }

    @Exclusive('import', { shared: true, minGap: HOUR, ...second })
    async orders(): Promise<unknown> {
      return runs.push('orders');
    }
  }
  return Imports;
}

describe('a method with an explicit lock name whose class was renamed or minified', () => {
  it('does not run again if it is a start hook', async () => {
    const store = new MemoryLockStore();
    for (const Seeds of bothNames(seeds)) await startApp({ locks: { store }, providers: [Seeds] });
    expect(runs).toEqual(['seed']);
  });

  it.each<[string, () => new () => { run(): Promise<void> }]>([
    ['an @Interval', () => polls(Interval(HOUR), Exclusive('poll'))],
    ['an @Interval with a name', () => polls(Interval('poll', HOUR), Exclusive('poll', { shared: true }))],
    ['a @Timeout', () => polls(Timeout(HOUR), Exclusive('poll', { version: '1' }))],
    ['a method with minGap', () => polls(Exclusive('poll', { minGap: HOUR }))],
    ['a method of a job', () => polls(Exclusive('poll', { minGap: HOUR, shared: true, job: 's' }))],
  ])('does not run twice if it is %s', async (_, make) => {
    const store = new MemoryLockStore();
    for (const Polls of bothNames(make) as ReturnType<typeof make>[]) {
      const { module } = await startApp({
        locks: { store },
        imports: [ScheduleModule.forRoot()],
        providers: [Polls],
      });
      await module.get(Polls).run();
    }
    expect(runs).toEqual(['run']);
  });

  it('does not run a tick twice if it is a @Cron', async () => {
    const store = new MemoryLockStore();
    for (const Polls of bothNames(() => polls(Cron(NEVER), Exclusive('poll')))) {
      const { module, log } = await startApp({
        locks: { store },
        imports: [ScheduleModule.forRoot()],
        providers: [Polls],
      });
      const before = runs.length;
      fire(jobOf(module));
      await eventually(() => runs.length - before + log.ours('debug').length === 1);
    }
    expect(runs).toEqual(['run']);
  });
});

describe('methods that share a lock', () => {
  it.each([
    ['by default', {}, {}],
    ['as they say', { job: 'a' }, { job: 'b' }],
  ])('have separate runs %s', async (_, first, second) => {
    const Imports = two(first, second);
    const { module } = await startApp({ providers: [Imports] });
    await module.get(Imports).users();
    await module.get(Imports).orders();
    await module.get(Imports).users();
    expect(runs).toEqual(['users', 'orders']);
  });

  it('are refused at start if a run of one would count as a run of the other', async () => {
    const failure = await startFailure({ providers: [two({ job: 'same' }, { job: 'same' })] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain('Imports.users (in RootTestModule) and Imports.orders');
    expect(failure.message).toContain('share the lock "import" and the job name "same"');
  });

  it('may not have an empty job name', () => {
    const error = loadError(() => Exclusive('a', { job: '' }));
    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toContain('job');
  });
});
