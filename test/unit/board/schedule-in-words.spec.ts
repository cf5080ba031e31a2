import { CronTime } from 'cron';
import { scheduleInWords } from '../../../lib/board/schedule-in-words.js';
import type { JobRole } from '../../../lib/core/local-jobs.js';

const cron = (expression: string): string | undefined => scheduleInWords('cron', expression);

describe('a schedule in words', () => {
  it.each([
    ['* * * * * *', 'every second'],
    ['*/10 * * * * *', 'every 10 seconds'],
    ['0/15 * * * * *', 'every 15 seconds'],
    ['* * * * *', 'every minute'],
    ['0 * * * * *', 'every minute'],
    ['*/5 * * * *', 'every 5 minutes'],
    ['*/5 9-17 * * 1-5', 'every 5 minutes from 09:00 to 17:59, Monday to Friday'],
    ['0 */1 * * * *', 'every minute'],
    ['0 * * * *', 'every hour'],
    ['15 * * * *', 'every hour at :15'],
    ['0 9-17 * * *', 'every hour from 09:00 to 17:59'],
    ['0 */2 * * *', 'every 2 hours'],
    ['5 */6 * * *', 'every 6 hours at :05'],
    ['0 3 * * *', 'every day at 03:00'],
    ['30 0 3 * * *', 'every day at 03:00:30'],
    ['0 3,15 * * *', 'every day at 03:00 and 15:00'],
    ['0 3 * * 1-5', 'at 03:00, Monday to Friday'],
    ['0 3 * * MON-FRI', 'at 03:00, Monday to Friday'],
    ['30 2 * * 0', 'at 02:30, Sunday'],
    ['30 2 * * 7', 'at 02:30, Sunday'],
    ['30 2 ? * sat,sun', 'at 02:30, Saturday and Sunday'],
    ['0 0 1 * *', 'at 00:00, on day 1 of the month'],
    ['0 0 1,15 * *', 'at 00:00, on day 1 and 15 of the month'],
    ['0 0 1 1 *', 'at 00:00, on day 1 of January'],
    ['0 0 * 6-8 *', undefined],
    ['0 6 * 1,7 *', 'at 06:00, in January and July'],
    ['@daily', 'every day at 00:00'],
    ['@weekdays', 'at 00:00, Monday to Friday'],
  ])('of %s: %s', (expression, words) => {
    expect(cron(expression)).toBe(words);
  });

  it.each([
    ['a step that does not divide the hour', '*/7 * * * *'],
    ['a step that does not divide the day', '0 */5 * * *'],
    ['both kinds of days, of which cron takes either', '0 0 13 * 5'],
    ['a list of minutes', '0,20 * * * *'],
    ['many times a day', '0 1,2,3,4,5 * * *'],
    ['every second of one minute', '* 5 * * * *'],
    ['every minute of some hours', '* */2 * * *'],
    ['a date', '2026-12-01T06:00:00.000Z'],
    ['no day of the month', '0 0 0 * *'],
    ['nothing', ''],
  ])('is left out for %s', (_, expression) => {
    expect(cron(expression)).toBeFalsy();
  });

  it.each<[JobRole, string | undefined, string]>([
    ['interval', '30000 ms', 'every 30 seconds'],
    ['interval', '3600000 ms', 'every hour'],
    ['interval', '5400000 ms', 'every 90 minutes'],
    ['interval', '250 ms', 'every 250 ms'],
    ['timeout', '5000 ms', 'once, 5 seconds after the start'],
    ['timeout', '60000 ms', 'once, 1 minute after the start'],
    ['start hook', undefined, 'at the start, once a version'],
    ['method', undefined, 'when it is called'],
  ])('of an %s of %s', (role, expression, words) => {
    expect(scheduleInWords(role, expression)).toBe(words);
  });

  it.each(['*/10 * * * * *', '*/5 * * * *', '*/5 9-17 * * 1-5', '0 */2 * * *', '0 9-17 * * *'])(
    'says the period that cron has: %s',
    (expression) => {
      const [, number = '1', unit] = /every (?:(\d+) )?(second|minute|hour)/.exec(cron(expression)!)!;
      const ms = Number(number) * { second: 1000, minute: 60_000, hour: 3_600_000 }[unit as 'hour'];
      const time = new CronTime(expression, 'UTC');
      const first = time.getNextDateFrom(new Date('2026-11-30T10:00:30.500Z'), 'UTC');
      expect(time.getNextDateFrom(first, 'UTC').toMillis() - first.toMillis()).toBe(ms);
    },
  );
});
