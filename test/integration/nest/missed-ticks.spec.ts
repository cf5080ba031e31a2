import { Injectable } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockService,
  openLocks,
  type AcquireRequest,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { BreakableStore } from '../../../lib/testing/breakable-store.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { Outage } from '../../../lib/testing/outage.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import type { OutageLog } from '../../../lib/common/outage-log.js';
import { LOCK_OUTAGES } from '../../../lib/tokens.js';
import { eventually } from '../../support/eventually.js';
import { closeApps, startApp, startFailure, type NestApp } from './support/nest-apps.js';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

/** A moment, to the second, ten minutes ago: the tick that nobody has run. */
const tick = new Date(Math.floor(Date.now() / SECOND) * SECOND - 10 * MINUTE);
/** At that time of each day. */
const DAILY = `${tick.getUTCSeconds()} ${tick.getUTCMinutes()} ${tick.getUTCHours()} * * *`;

let ran: { tick: Date | undefined; missed: boolean | undefined }[];
let store: MemoryLockStore;
/** What the store has replied to all replicas. */
const replies: string[] = [];

beforeEach(() => {
  ran = [];
  replies.length = 0;
  store = new MemoryLockStore();
});
afterEach(closeApps);

/** A job with these options, on every replica the same. */
function nightly(options: ExclusiveOptions = { missed: { within: '6h' } }) {
  @Injectable()
  class Nightly {
    @Cron(DAILY, { timeZone: 'UTC' })
    @Exclusive('nightly', options)
    async run(): Promise<void> {
      const lease = ExclusiveLockService.current();
      ran.push({ tick: lease?.tick, missed: lease?.missed });
    }
  }
  return Nightly;
}

/** The tick of another day was run. */
async function ranBefore(ago = DAY, job = 'nightly'): Promise<void> {
  const locks = await openLocks({ store: keptOpen(store) });
  await locks.run('nightly', () => undefined, {
    occurrence: { tick: new Date(tick.getTime() - ago), job },
  });
  await locks.close();
}

/** The replicas of a test close one store each. */
function keptOpen(kept: MemoryLockStore): MemoryLockStore {
  return Object.assign(Object.create(kept), {
    acquire: async (request: AcquireRequest) => {
      const reply = await kept.acquire(request);
      replies.push(reply.status);
      return reply;
    },
    renew: kept.renew.bind(kept),
    release: kept.release.bind(kept),
    inspect: kept.inspect.bind(kept),
    close: async () => undefined,
  }) as MemoryLockStore;
}

/** A replica makes itself known right before it looks for missed ticks. */
async function isKnown(): Promise<void> {
  await eventually(async () => (await store.runs.replicas(SECOND)).entries.length === 1);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

const start = (job: new () => object, replica = 'one'): Promise<NestApp> =>
  startApp({
    locks: { store: keptOpen(store), replica, application: 'test' },
    imports: [ScheduleModule.forRoot()],
    providers: [job],
  });

describe('a tick that no replica has run', () => {
  it('is run when a replica starts, late, and once by all that start', async () => {
    await ranBefore();
    const Job = nightly();
    const apps = [await start(Job, 'one'), await start(Job, 'two'), await start(Job, 'three')];

    await eventually(() => ran.length > 0);
    const [one] = apps;
    await eventually(async () => {
      const runs = await one.locks.jobs.runs('nightly');
      return runs.length === 2 && runs[0].outcome === 'succeeded';
    });
    expect(ran).toEqual([{ tick, missed: true }]);
    await expect(one.locks.jobs.runs('nightly')).resolves.toMatchObject([
      { tick, missed: true, outcome: 'succeeded' },
      { missed: false, outcome: 'succeeded' },
    ]);
  });

  it('does not hold up the start', async () => {
    await ranBefore();
    let finish!: () => void;
    const open = new Promise<void>((resolve) => (finish = resolve));
    @Injectable()
    class Job {
      @Cron(DAILY, { timeZone: 'UTC' })
      @Exclusive('nightly', { missed: { within: '6h' } })
      async run(): Promise<void> {
        ran.push({ tick: undefined, missed: undefined });
        await open;
      }
    }
    await start(Job);
    await eventually(() => ran.length > 0);
    finish();
  });

  it('is not run where the job has never run', async () => {
    await start(nightly());
    await eventually(() => expect(replies).toEqual(['done']));

    expect(ran).toEqual([]);
  });

  it('is not asked for without the option', async () => {
    await ranBefore();
    replies.length = 0;
    await start(nightly({}));
    await isKnown();

    expect(replies).toEqual([]);
  });

  it('is given up when it is too old, with one line of one replica, and its record says so', async () => {
    await ranBefore();
    const Job = nightly({ missed: { within: '9m' } });
    replies.length = 0;
    const apps = [await start(Job, 'one'), await start(Job, 'two')];

    await eventually(() => expect(replies).toEqual(['done', 'done']));
    const warnings = apps.flatMap(({ log }) => log.ours('warn').filter((line) => line.includes('missed')));
    expect(warnings).toEqual([
      `"nightly" (tick ${tick.toISOString()} of nightly) was missed: no replica ran it, and it is too late now ` +
        '(missed.within is 540000 ms).',
    ]);
    expect(ran).toEqual([]);
    const [run] = await apps[0].locks.jobs.runs('nightly');
    expect(run).toMatchObject({ tick, outcome: 'missed', missed: true });
  });

  it('is run when an outage of the store is over', async () => {
    const clock = new ManualClock();
    const outage = new Outage(clock);
    const way = new BreakableStore(store, clock, [outage]);
    await ranBefore();
    outage.begin();
    const { locks, log } = await startApp({
      locks: { store: way, application: 'test' },
      imports: [ScheduleModule.forRoot()],
      providers: [nightly()],
    });
    await log.line(/is unavailable/);
    expect(ran).toEqual([]);

    outage.end();
    await locks.run('other', () => undefined);

    await eventually(() => expect(ran).toEqual([{ tick, missed: true }]));
  });

  it('is not run after a pause in which it was due: an operator did not want it', async () => {
    await ranBefore();
    const job = { name: 'nightly', kind: 'tick', job: 'nightly' } as const;
    await store.runs.pause(job, { reason: 'migration', by: 'anna', since: Date.now() }, SECOND);
    const { module, locks } = await start(nightly());
    await eventually(() => expect(replies).toContain('paused'));
    expect(ran).toEqual([]);

    await locks.jobs.resume('nightly');
    // It looks each minute, and whenever an outage is over.
    const outages = module.get<OutageLog>(LOCK_OUTAGES);
    const asked = replies.length;
    outages.begin('store', new Error('away'));
    outages.end();

    await eventually(() => expect(replies.length).toBeGreaterThan(asked));
    expect(replies.at(-1)).toBe('done');
    expect(ran).toEqual([]);
  });

  it('is left alone while its job is stopped', async () => {
    await ranBefore();
    @Injectable()
    class Job {
      @Cron(DAILY, { timeZone: 'UTC', name: 'nightly', disabled: true })
      @Exclusive('nightly', { missed: { within: '6h' } })
      async run(): Promise<void> {
        ran.push({ tick, missed: true });
      }
    }
    const { module } = await start(Job);
    expect(module.get(SchedulerRegistry).getCronJob('nightly').isActive).toBe(false);
    await isKnown();

    expect(ran).toEqual([]);
  });

  it('whose run throws is logged, and recorded as failed', async () => {
    await ranBefore();
    @Injectable()
    class Job {
      @Cron(DAILY, { timeZone: 'UTC' })
      @Exclusive('nightly', { missed: { within: '6h' } })
      async run(): Promise<void> {
        throw new Error('boom');
      }
    }
    const { log, locks } = await start(Job);
    await log.line(/Job\.run failed when it was called for the missed tick .*: Error: boom/);

    expect(await locks.jobs.runs('nightly')).toMatchObject([{ outcome: 'failed', error: 'boom' }, {}]);
  });
});

const refusal = async (job: new () => object): Promise<string> =>
  (await startFailure({ imports: [ScheduleModule.forRoot()], providers: [job] })).message;

describe('missed is refused', () => {
  it('on a method that has no ticks', async () => {
    class Job {
      @Interval(HOUR)
      @Exclusive('sync', { missed: { within: '6h' } })
      async run(): Promise<void> {}
    }
    await expect(refusal(Job)).resolves.toMatch(/missed.*Job\.run/);
  });

  it('on @Cron of one moment', async () => {
    class Job {
      @Cron(new Date('2030-01-01T03:00:00Z'))
      @Exclusive('once', { missed: { within: '6h' } })
      async run(): Promise<void> {}
    }
    await expect(refusal(Job)).resolves.toMatch(/missed of @Exclusive on Job\.run has no effect/);
  });

  it.each<[unknown, string]>([
    [{ within: 0 }, 'missed.within must be a number of milliseconds'],
    [{}, 'missed.within must be a number of milliseconds'],
    [{ within: '6h', most: 2 }, 'most is not an option of missed'],
    ['6h', 'The options of missed must be an object'],
  ])('as %j', (missed, told) => {
    expect(() => Exclusive('nightly', { missed: missed as never })).toThrow(told);
  });
});
