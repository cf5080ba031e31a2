import { Injectable, Scope, type OnModuleInit } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { Exclusive, LockConfigurationError } from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { fire, jobOf } from './support/fired-jobs.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';
let runs: string[] = [];

beforeEach(() => {
  runs = [];
});

/** A class with one method, `run`, that is decorated. */
function jobs(...decorators: MethodDecorator[]) {
  @Injectable()
  class Jobs {
    run(): string {
      runs.push('run');
      return 'ran';
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run')!;
  for (const decorate of decorators.toReversed()) decorate(Jobs.prototype, 'run', descriptor);
  Object.defineProperty(Jobs.prototype, 'run', descriptor);
  return Jobs;
}

const withoutTicks = (store = new MemoryLockStore()) => ({ store, ticks: false });
const imports = [ScheduleModule.forRoot()];

describe('an application whose ScheduleModule was forgotten', () => {
  it.each([
    ['a @Cron', Cron(NEVER)],
    ['an @Interval', Interval(60_000)],
    ['a @Timeout', Timeout(60_000)],
  ])('does not start with %s method that has @Exclusive', async (decorator, schedule) => {
    const failure = await startFailure({ providers: [jobs(schedule, Exclusive('a'))] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(`Jobs.run has @Exclusive and is ${decorator} method`);
    expect(failure.message).toContain('the application has no scheduler');
    expect(failure.message).toContain('Add ScheduleModule.forRoot()');
    expect(failure.message).toContain('ticks: false');
  });

  it('starts if its methods are called by hand or are start hooks', async () => {
    @Injectable()
    class Seeds implements OnModuleInit {
      @Exclusive('seed')
      async onModuleInit(): Promise<void> {
        runs.push('seed');
      }
    }
    await startApp({ providers: [jobs(Exclusive('a')), Seeds] });
    expect(runs).toEqual(['seed']);
  });

  it('starts in a unit test with a LockTestKit, which calls the jobs itself', async () => {
    const Jobs = jobs(Cron(NEVER), Exclusive('a'));
    const { module } = await startApp({ locks: { store: new LockTestKit().store }, providers: [Jobs] });
    await expect(Promise.resolve(module.get(Jobs).run())).resolves.toBe('ran');
  });
});

it('an application has a scheduler if its SchedulerRegistry is a stub of the test', async () => {
  const stub = { addCronJob() {}, addInterval() {}, getCronJobs: () => new Map(), getIntervals: () => [] };
  await startApp({
    imports,
    providers: [jobs(Interval(60_000), Exclusive('a'))],
    override: (builder) =>
      builder.overrideProvider(SchedulerRegistry).useValue({ ...stub, getTimeouts: () => [] }),
  });
});

describe('a process with ticks: false', () => {
  it('starts without a scheduler, and logs that in one line', async () => {
    const { log } = await startApp({ locks: withoutTicks(), providers: [jobs(Cron(NEVER), Exclusive('a'))] });
    expect(log.ours('log')).toEqual([expect.stringContaining('takes no ticks (ticks: false)')]);
    expect(log.complaints).toEqual([]);
  });

  it('leaves the ticks of its jobs to other replicas, and runs calls by hand', async () => {
    const Jobs = jobs(Cron(NEVER, { name: 'job' }), Exclusive('a'));
    const store = new MemoryLockStore();
    const command = await startApp({ locks: withoutTicks(store), imports, providers: [Jobs] });
    fire(jobOf(command.module));
    await expect(Promise.resolve(command.module.get(Jobs).run())).resolves.toBe('ran');
    expect(runs).toHaveLength(1);
    const server = await startApp({ locks: { store }, imports, providers: [Jobs] });
    fire(jobOf(server.module));
    await eventually(() => runs.length === 2);
    for (const { log } of [command, server]) expect(log.complaints).toEqual([]);
  });

  it.each([
    ['@Interval', Interval(5)],
    ['@Timeout', Timeout(5)],
  ])('skips its %s methods when the scheduler calls them, but not calls by hand', async (_, schedule) => {
    const Jobs = jobs(schedule, Exclusive('a'));
    const { module } = await startApp({ locks: withoutTicks(), imports, providers: [Jobs] });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(runs).toEqual([]);
    await expect(Promise.resolve(module.get(Jobs).run())).resolves.toBe('ran');
  });

  it('accepts only true or false', async () => {
    const failure = await startFailure({ locks: { store: 'memory', ticks: 'false' as never } });
    expect(failure.message).toContain('ticks must be true or false');
  });
});

describe('a job that no timer can keep', () => {
  it.each([
    ['an @Interval', Interval(2 ** 31), 'would fire each millisecond'],
    ['a @Timeout', Timeout('named', 2 ** 31), 'would fire at once'],
  ])('is refused at start: %s of more than 24.8 days', async (decorator, schedule, message) => {
    const failure = await startFailure({ imports, providers: [jobs(schedule, Exclusive('a'))] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(`Jobs.run is ${decorator} method of 2147483648 ms`);
    expect(failure.message).toContain(message);
  });

  it('may be as long as the longest timer', async () => {
    await startApp({ imports, providers: [jobs(Interval(2 ** 31 - 1), Exclusive('a'))] });
  });

  it('is refused at start: @Cron for a Date that each replica computes for itself', async () => {
    const date = new Date(Math.ceil(Date.now() / 1000) * 1000 + 100_500);
    const failure = await startFailure({ imports, providers: [jobs(Cron(date), Exclusive('a'))] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(`Jobs.run is a @Cron method for ${date.toISOString()}`);
    expect(failure.message).toContain('Give a constant');
  });
});

describe('a provider that is not a singleton', () => {
  it.each([
    ['transient', Scope.TRANSIENT, 'on an object whose constructor never ran'],
    ['request-scoped', Scope.REQUEST, 'the scheduler ignores such providers'],
  ])('is refused with the true reason if it is %s and has a job', async (name, scope, reason) => {
    const Jobs = jobs(Cron(NEVER), Exclusive('a'));
    Injectable({ scope })(Jobs);
    const failure = await startFailure({ imports, providers: [Jobs] });
    expect(failure.message).toContain(`its provider is ${name}`);
    expect(failure.message).toContain(reason);
  });
});
