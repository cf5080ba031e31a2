import { jest } from '@jest/globals';
import { CronTime } from 'cron';
import { tickOccurrence } from '../../../lib/index.js';
import { callAt, tickAt, ticksAfter } from '../../support/cron-calls.js';

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const at = (text: string): number => Date.parse(text);
const shown = (time: number | 'spurious' | undefined): string | undefined =>
  typeof time === 'number' ? new Date(time).toISOString() : time;

afterEach(() => {
  jest.useRealTimers();
});

describe('the tick of a call', () => {
  const LATENESS: [string, number][] = [
    ['on time', 0],
    ['1 ms late', 1],
    ['999 ms late', 999],
    ['3 s late', 3 * SECOND],
    ['2 min late', 2 * MINUTE],
    ['3 h late', 3 * HOUR],
  ];
  const SCHEDULES: [string, string, number][] = [
    ['* * * * * *', '2026-05-05T10:20:30Z', SECOND],
    ['* * * * *', '2026-05-05T10:20:00Z', MINUTE],
    ['*/5 * * * *', '2026-05-05T10:20:00Z', 5 * MINUTE],
    ['0 3 * * *', '2026-05-05T03:00:00Z', 24 * HOUR],
  ];

  describe.each(LATENESS)('%s', (_, late) => {
    it.each(SCHEDULES)('of "%s" is the last scheduled time before it', (expression, tick, period) => {
      const found = tickAt(new CronTime(expression, 'UTC'), at(tick) + late);

      // A call that is later than the next tick cannot be told from one for that.
      expect(shown(found)).toBe(shown(at(tick) + Math.floor(late / period) * period));
    });
  });

  it('is the previous one until the exact millisecond of the next', () => {
    const cronTime = new CronTime('0 3 * * *', 'UTC');
    const next = at('2026-05-05T03:00:00Z');

    expect(tickAt(cronTime, next - 1)).toBe(next - 24 * HOUR);
    expect(tickAt(cronTime, next)).toBe(next);
  });

  it('is found to the second in a schedule with seconds', () => {
    const cronTime = new CronTime('15,45 */10 * * * *', 'UTC');

    expect(shown(tickAt(cronTime, at('2026-05-05T10:20:44.999Z')))).toBe('2026-05-05T10:20:15.000Z');
    expect(shown(tickAt(cronTime, at('2026-05-05T10:29:59Z')))).toBe('2026-05-05T10:20:45.000Z');
  });

  it.each([
    ['0 0 1 1 *', '2026-01-01T00:00:00.000Z'],
    ['0 12 * * 1', '2026-06-15T12:00:00.000Z'],
    ['30 6 29 2 *', '2024-02-29T06:30:00.000Z'],
    ['0 0 31 * *', '2026-05-31T00:00:00.000Z'],
  ])('is found however long ago it is: "%s"', (expression, tick) => {
    const now = at('2026-06-20T08:00:00Z');

    expect(shown(tickAt(new CronTime(expression, 'UTC'), now))).toBe(tick);
  });

  it.each([
    ['2026-02-28T23:59:59.500Z', '2026-02-28T23:59:00.000Z'],
    ['2028-02-29T23:59:30.000Z', '2028-02-29T23:59:00.000Z'],
    ['2028-03-01T00:00:00.000Z', '2028-02-29T23:59:00.000Z'],
    ['2027-03-15T12:00:00.000Z', '2027-02-28T23:59:00.000Z'],
  ])('is found on the last day of February: called at %s', (now, tick) => {
    const cronTime = new CronTime('59 23 28,29 2 *', 'UTC');

    expect(shown(tickAt(cronTime, at(now)))).toBe(tick);
  });

  it('is the only moment of a schedule that has one', () => {
    const moment = at('2026-05-05T03:00:00.250Z');

    for (const late of [0, 1, 2 * HOUR])
      expect(tickAt(new CronTime(new Date(moment)), moment + late)).toBe(moment);
  });
});

describe('the tick of a schedule with a time zone', () => {
  it.each([
    ['Europe/Paris', '2026-01-15T02:00:00.000Z'],
    ['Europe/Paris', '2026-07-15T01:00:00.000Z'],
    ['America/New_York', '2026-01-15T08:00:00.000Z'],
    ['America/New_York', '2026-07-15T07:00:00.000Z'],
    ['Asia/Kathmandu', '2026-01-15T21:15:00.000Z'],
    ['Pacific/Auckland', '2026-01-15T14:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-07-15T16:30:00.000Z'],
  ])('%s is three in the morning there', (zone, tick) => {
    const cronTime = new CronTime('0 3 * * *', zone);

    for (const late of [0, 1, SECOND, 2 * HOUR]) expect(shown(tickAt(cronTime, at(tick) + late))).toBe(tick);
  });

  it.each([
    [0, '2026-05-05T03:00:00.000Z'],
    [120, '2026-05-05T01:00:00.000Z'],
    [-300, '2026-05-05T08:00:00.000Z'],
    [330, '2026-05-05T21:30:00.000Z'],
    [-210, '2026-05-05T06:30:00.000Z'],
  ])('is right for a utcOffset of %i minutes', (offset, tick) => {
    const cronTime = new CronTime('0 3 * * *', null, offset);

    for (const late of [0, 1, SECOND, 2 * HOUR]) expect(shown(tickAt(cronTime, at(tick) + late))).toBe(tick);
  });
});

describe('in the night the clocks go back', () => {
  const SPURIOUS: [string, string, string][] = [
    ['0 3 * * *', 'Europe/Berlin', '2026-10-25T01:00:00Z'],
    ['30 3 * * *', 'Europe/Berlin', '2026-10-25T01:30:00Z'],
    ['30 2 * * *', 'America/New_York', '2026-11-01T06:30:00Z'],
    ['0 2 * * *', 'Europe/London', '2026-10-25T01:00:00Z'],
    ['0 0 * * *', 'America/Santiago', '2026-04-05T03:00:00Z'],
    ['0 0 * * *', 'Africa/Cairo', '2026-10-29T21:00:00Z'],
    ['0 0 * * *', 'Asia/Beirut', '2026-10-24T21:00:00Z'],
    ['30 2 * * *', 'Australia/Lord_Howe', '2026-04-04T14:30:00Z'],
    ['30 2 * * *', 'Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
    ['0 * * * *', 'Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ];

  it.each(SPURIOUS)('a call of "%s" in %s at %s has no tick', (expression, zone, call) => {
    const cronTime = new CronTime(expression, zone);

    for (const late of [0, 2, SECOND, 20 * MINUTE])
      expect(callAt(cronTime, at(call) + late)).toBe('spurious');
    jest.useFakeTimers({ now: at(call) });
    expect(tickOccurrence({ cronTime })).toBeUndefined();
  });

  it.each([0, 40 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR])(
    'a call at a time that comes twice has the first of the two, %i ms late',
    (late) => {
      const cronTime = new CronTime('30 2 * * *', 'Europe/Berlin');

      expect(shown(callAt(cronTime, at('2026-10-25T00:30:00Z') + late))).toBe('2026-10-25T00:30:00.000Z');
    },
  );

  it('each of several repeated times is one tick, whichever of the two a process is called for', () => {
    const cronTime = new CronTime('*/20 2 * * *', 'Europe/Berlin');
    const firsts = ['2026-10-25T00:00:00.000Z', '2026-10-25T00:20:00.000Z', '2026-10-25T00:40:00.000Z'];

    expect(firsts.map((first) => shown(callAt(cronTime, at(first))))).toEqual(firsts);
    expect(firsts.map((first) => shown(callAt(cronTime, at(first) + HOUR)))).toEqual(firsts);
  });

  it.each(['*/15 * * * *', '0 * * * *', '* 2 * * *', '* * * * * *'])(
    'a pattern of every hour or minute, "%s", continues in the repeated hour',
    (expression) => {
      const cronTime = new CronTime(expression, 'Europe/Berlin');

      for (const tick of ['2026-10-25T00:00:00.000Z', '2026-10-25T01:00:00.000Z'])
        expect(shown(callAt(cronTime, at(tick)))).toBe(tick);
      const [next] = ticksAfter(cronTime, at('2026-10-25T00:59:59Z'));
      expect(shown(next)).toBe('2026-10-25T01:00:00.000Z');
    },
  );

  it.each(['January', 'July'])('each day of the year has its tick, computed in %s', (month) => {
    jest.useFakeTimers({ now: at(`15 ${month} 2026 12:00Z`) });
    for (const expression of ['0 0 * * *', '30 2 * * *', '0 3 * * *']) {
      const days: string[] = [];
      for (const tick of ticksAfter(new CronTime(expression, 'Europe/Berlin'), at('2025-12-31T22:59:59Z'))) {
        if (tick >= at('2026-12-31T23:00:00Z')) break;
        days.push(
          new Intl.DateTimeFormat('en', { timeZone: 'Europe/Berlin', dateStyle: 'short' }).format(tick),
        );
      }
      expect(days.length).toBe(365);
      expect(new Set(days).size).toBe(365);
    }
  });

  it('a utcOffset has no such night', () => {
    const cronTime = new CronTime('0 3 * * *', null, 60);

    expect(shown(callAt(cronTime, at('2026-10-25T01:00:00Z')))).toBe('2026-10-24T02:00:00.000Z');
    expect(shown(callAt(cronTime, at('2026-10-25T02:00:00Z')))).toBe('2026-10-25T02:00:00.000Z');
  });
});

it.each([
  ['0 0 13 * 5', ['06-05', '06-12', '06-13', '06-19']],
  ['0 0 * * MON-TUE', ['06-01', '06-02', '06-08', '06-09']],
  ['0 0 * * 7', ['06-07', '06-14', '06-21', '06-28']],
  ['0 0 31 * *', ['07-31', '08-31', '10-31', '12-31']],
  ['0 12 1 JAN,FEB *', ['01-01', '02-01', '01-01', '02-01']],
  ['@weekly', ['06-07', '06-14', '06-21', '06-28']],
])('days of the month and of the week are interpreted as cron does: "%s"', (expression, days) => {
  const found: string[] = [];
  for (const tick of ticksAfter(new CronTime(expression, 'UTC'), at('2026-05-31T23:59:59Z'))) {
    if (found.push(new Date(tick).toISOString().slice(5, 10)) === 4) break;
  }

  expect(found).toEqual(days);
});
