import { CronTime } from 'cron';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { AskedTicks, workOf } from '../../../lib/schedule/asked-ticks.js';
import { ticksAround } from '../../../lib/schedule/cron-tick.js';
import { currentFiring } from '../../../lib/schedule/firing.js';
import { MissedTicks } from '../../../lib/schedule/missed-ticks.js';
import { ManualClock, useRealTime } from '../core/support/manual-clock.js';
import { RecordingLogger } from '../core/support/recording-logger.js';
import { jest } from '@jest/globals';

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const START = Date.UTC(2026, 6, 1, 12, 10, 0);
const at = (text: string): number => Date.parse(text);

const around = (expression: string, zone: string, now: string): string[] => {
  const ticks = ticksAround(new CronTime(expression, zone), at(now));
  return ticks ? [ticks.latest.toISOString(), ticks.next.toISOString()] : [];
};

describe('the ticks around a moment', () => {
  it.each<[what: string, expression: string, zone: string, now: string, latest: string, next: string]>([
    ['on a usual day', '0 3 * * *', 'UTC', '2026-05-05T10:00Z', '2026-05-05T03:00Z', '2026-05-06T03:00Z'],
    ['at the tick itself', '0 3 * * *', 'UTC', '2026-05-05T03:00Z', '2026-05-05T03:00Z', '2026-05-06T03:00Z'],
    // Clocks go from 2 to 3: the tick of the time that is left out comes at the first moment after it.
    [
      'after a gap',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-29T05:00Z',
      '2026-03-29T01:00Z',
      '2026-03-30T00:30Z',
    ],
    // They go back from 3 to 2: the time that comes twice is one tick, at the first of both.
    [
      'in a repeated hour',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-25T01:40Z',
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ],
    [
      'of every hour',
      '30 * * * *',
      'Europe/Berlin',
      '2026-10-25T01:40Z',
      '2026-10-25T01:30Z',
      '2026-10-25T02:30Z',
    ],
    [
      'by half an hour',
      '0 2 * * *',
      'Australia/Lord_Howe',
      '2026-04-04T15:40Z',
      '2026-04-04T15:30Z',
      '2026-04-05T15:30Z',
    ],
  ])('are the latest that is due and the one after it: %s', (_, expression, zone, now, latest, next) => {
    expect(around(expression, zone, now)).toEqual([latest, next].map((text) => new Date(text).toISOString()));
  });

  it('are the same for the whole time in between, in a night when clocks change', () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca']) {
      for (const day of [
        '2026-03-28',
        '2026-10-24',
        '2026-04-04',
        '2026-10-03',
        '2026-11-01',
        '2026-02-15',
      ]) {
        const cronTime = new CronTime('15 */2 * * *', zone);
        for (let now = at(`${day}T12:00Z`); now < at(`${day}T12:00Z`) + 24 * HOUR; now += 10 * MINUTE) {
          const { latest, next } = ticksAround(cronTime, now)!;
          expect(latest.getTime()).toBeLessThanOrEqual(now);
          expect(next.getTime()).toBeGreaterThan(now);
          expect(ticksAround(cronTime, next.getTime())!.latest).toEqual(next);
        }
      }
    }
  });

  it('are none of one moment', () => {
    expect(ticksAround(new CronTime(new Date('2030-01-01T00:00Z')), at('2030-01-02T00:00Z'))).toBeUndefined();
  });
});

describe('a replica looks for a tick that it has not asked for', () => {
  let clock: ManualClock;
  let logger: RecordingLogger;
  let outages: OutageLog;
  let asked: AskedTicks;
  let missed: MissedTicks;
  let cronTime: CronTime | undefined;
  /** What it was called for, and when. */
  let calls: { tick: string; at: number }[];

  beforeEach(() => {
    clock = ManualClock.install();
    jest.setSystemTime(START);
    logger = new RecordingLogger();
    outages = new OutageLog(logger);
    asked = new AskedTicks();
    cronTime = new CronTime('0 * * * *', 'UTC');
    calls = [];
  });
  afterEach(() => {
    missed.stop();
    useRealTime();
  });

  function start({ ticks = true } = {}): void {
    missed = new MissedTicks(asked, { clock }, outages, { ticks, logger });
    missed.start([{ name: 'a', job: 'hourly', method: 'Jobs.hourly', within: '1h', schedule, call }]);
  }

  function schedule(): CronTime | undefined {
    return cronTime;
  }

  function call(): void {
    const calledFor = currentFiring()?.calledFor;
    if (!calledFor || 'spurious' in calledFor) throw new Error('It was called for no tick.');
    calls.push({ tick: calledFor.tick.toISOString(), at: Date.now() - START });
  }

  /** The scheduler calls, and the method asks. */
  const asks = (tick: string) => asked.asks(workOf('a', 'hourly'), new Date(tick));

  it('at its start, at once', async () => {
    start();
    await clock.pass(2);

    expect(calls).toEqual([{ tick: '2026-07-01T12:00:00.000Z', at: 1 }]);
  });

  it('only once, also where the method does not ask', async () => {
    start();
    await clock.pass(40 * MINUTE);

    expect(calls).toHaveLength(1);
  });

  it('a second after the scheduler should have called, as when it was too late for that', async () => {
    start();
    await clock.pass(50 * MINUTE + 999);
    expect(calls).toHaveLength(1);
    await clock.pass(2);

    expect(calls[1]).toEqual({ tick: '2026-07-01T13:00:00.000Z', at: 50 * MINUTE + SECOND });
  });

  it('not where the scheduler has called', async () => {
    asks('2026-07-01T12:00:00Z');
    start();
    await clock.pass(50 * MINUTE);
    asks('2026-07-01T13:00:00Z');
    await clock.pass(59 * MINUTE);

    expect(calls).toEqual([]);
  });

  it('within a quarter of a short period', async () => {
    cronTime = new CronTime('*/2 * * * * *', 'UTC');
    start();
    await clock.pass(1);
    expect(calls).toEqual([]);
    await clock.pass(499);

    expect(calls).toEqual([{ tick: '2026-07-01T12:10:00.000Z', at: 500 }]);
  });

  it('again when an outage is over in which it got no answer, and not while it still asks', async () => {
    start();
    await clock.pass(1);
    outages.begin('store', new Error('away'));
    outages.end();
    await clock.pass(1);
    expect(calls).toHaveLength(1);

    outages.begin('store', new Error('away'));
    asked.staysOpen(workOf('a', 'hourly'), new Date('2026-07-01T12:00:00Z'));
    outages.end();
    await clock.pass(1);

    expect(calls.map(({ tick }) => tick)).toEqual(Array(2).fill('2026-07-01T12:00:00.000Z'));
  });

  it('within a minute where no call tells that the outage is over', async () => {
    start();
    await clock.pass(1);
    asked.staysOpen(workOf('a', 'hourly'), new Date('2026-07-01T12:00:00Z'));
    await clock.pass(MINUTE);

    expect(calls).toHaveLength(2);
  });

  it('within a minute of the time that a suspended machine goes on', async () => {
    asks('2026-07-01T12:00:00Z');
    start();
    await clock.pass(MINUTE);
    jest.setSystemTime(START + 3 * HOUR);
    await clock.pass(MINUTE);

    expect(calls.map(({ tick }) => tick)).toEqual(['2026-07-01T15:00:00.000Z']);
  });

  it('not while its job is stopped, nor in a process that takes no ticks, nor after the end', async () => {
    cronTime = undefined;
    start();
    await clock.pass(HOUR);
    missed.stop();
    cronTime = new CronTime('0 * * * *', 'UTC');
    await clock.pass(HOUR);
    start({ ticks: false });
    await clock.pass(HOUR);

    expect(calls).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
