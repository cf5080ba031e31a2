import { jest } from '@jest/globals';
import { CronTime } from 'cron';
import { latestTick } from '../../../lib/schedule/cron-tick.js';

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];

const CHANGES: [string, string, string][] = [
  ['Europe/Paris', 'forward', '2026-03-29T01:00:00Z'],
  ['Europe/Paris', 'back', '2026-10-25T01:00:00Z'],
  ['Australia/Lord_Howe', 'forward', '2026-10-03T15:30:00Z'],
  ['Australia/Lord_Howe', 'back', '2026-04-04T15:00:00Z'],
  ['America/New_York', 'forward', '2026-03-08T07:00:00Z'],
  ['America/New_York', 'back', '2026-11-01T06:00:00Z'],
];
/** How long before and after the change each is watched: an hour that comes twice begins an hour before it. */
const EXPRESSIONS: [string, number, number][] = [
  ['*/30 * * * * *', 1 * MINUTE, 1 * MINUTE],
  ['* * * * *', 3 * MINUTE, 3 * MINUTE],
  ['*/20 * * * *', HOUR, 90 * MINUTE],
  ['30 * * * *', 2 * HOUR, 3 * HOUR],
  ['*/30 2 * * *', 30 * HOUR, 30 * HOUR],
  ['0 1 * * *', 30 * HOUR, 30 * HOUR],
  ['30 1 * * *', 30 * HOUR, 30 * HOUR],
  ['0 2 * * *', 30 * HOUR, 30 * HOUR],
  ['15 30 2 * * *', 30 * HOUR, 30 * HOUR],
  ['0 3 * * *', 30 * HOUR, 30 * HOUR],
];

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe.each(CHANGES)('where the clocks of %s go %s', (zone, _, change) => {
  it.each(EXPRESSIONS)('each firing of "%s" is recognised, on time and late', (expression, before, after) => {
    const cronTime = new CronTime(expression, zone);
    const firings = firingsOf(cronTime, Date.parse(change) - before, Date.parse(change) + after);

    const recognised = firings.flatMap((firing) =>
      [0, 3 * SECOND].map((late) => latestTick(cronTime, firing + late)),
    );

    expect(firings.length).toBeGreaterThan(1);
    expect(recognised.map(shown)).toEqual(
      firings.flatMap((firing) => Array.from({ length: 2 }, () => shown(firing))),
    );
  });
});

/** As cron's own scheduler goes on: at each firing it asks for the next. */
function firingsOf(cronTime: CronTime, start: number, end: number): number[] {
  const firings: number[] = [];
  let now = start;
  for (;;) {
    jest.setSystemTime(now);
    const next = cronTime.sendAt().toMillis();
    if (next > end) return firings;
    if (next <= now) throw new Error(`After ${shown(now)} it would fire at ${shown(next)}`);
    firings.push(next);
    now = next;
  }
}

function shown(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
