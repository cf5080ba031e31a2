import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import * as cron44 from 'cron';
import * as cron35 from 'cron-3-5';
import * as cron40 from 'cron-4-0';
import { callAt, ticksAfter } from '../../support/cron-calls.js';

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const WATCHED = 3 * HOUR;

interface Change {
  readonly zone: string;
  readonly direction: string;
  /** The first moment after it. */
  readonly at: number;
  /** By expression, as moments. */
  readonly ticks: Readonly<Record<string, readonly number[]>>;
}

const CHANGES = readChanges();
const VERSIONS: [string, typeof cron44.CronTime][] = [
  ['3.5', cron35.CronTime as unknown as typeof cron44.CronTime],
  ['4.0', cron40.CronTime as unknown as typeof cron44.CronTime],
  ['4.4', cron44.CronTime],
];
/** What goes on through an hour that comes twice. */
const isRecurring = (expression: string): boolean => expression.endsWith(' * * * *');

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

it('all zones and expressions are loaded', () => {
  expect(CHANGES.length).toBe(26);
  expect(CHANGES.map(({ ticks }) => Object.keys(ticks).length)).toEqual(CHANGES.map(() => 18));
});

describe.each(VERSIONS)('with cron %s', (version, CronTime) => {
  /** What the older ones make of patterns of every hour is the same each time, and takes them long. */
  const watched = (ticks: Change['ticks']): Change['ticks'] =>
    version === '4.4'
      ? ticks
      : Object.fromEntries(Object.entries(ticks).filter(([expression]) => !isRecurring(expression)));

  describe.each(CHANGES)('in $zone, where the clocks go $direction', ({ zone, at, direction, ticks }) => {
    it.each(['January', 'July'])('computed in %s, the ticks follow the time zone rules', (month) => {
      jest.setSystemTime(Date.parse(`15 ${month} 2026 12:00Z`));

      expect(ofEach(ticks, (expression) => walk(new CronTime(expression, zone), at))).toEqual(shown(ticks));
    });

    it('a call has its tick, on time and 3 seconds late', () => {
      const called = (late: number) =>
        ofEach(ticks, (expression, expected) => {
          const cronTime = new CronTime(expression, zone);
          return expected.map((tick) => callAt(cronTime, tick + late));
        });

      expect(called(0)).toEqual(shown(ticks));
      expect(called(3 * SECOND)).toEqual(shown(ticks));
    });

    it('a process that runs all night runs exactly those ticks', () => {
      const found = ofEach(watched(ticks), (expression) =>
        runsOf(new CronTime(expression, zone), at, -WATCHED),
      );

      expectNoOthers(found, ticks);
      // No version of cron calls for what was due on a day that is left out.
      if (zone === 'Pacific/Apia') return;
      for (const [expression, runs] of Object.entries(found)) {
        // Versions before 4.1 pass over an hour that is repeated; all pass over some gaps, if another run is due soon.
        if (isRecurring(expression)) continue;
        const expected = shown(ticks)[expression]?.slice(direction === 'forward' ? -1 : 0) ?? [];
        expect({ expression, runs: runs.slice(-expected.length) }).toEqual({ expression, runs: expected });
      }
    });

    it('a process that starts 21 minutes after the change runs no other ticks', () => {
      const found = ofEach(watched(ticks), (expression) =>
        runsOf(new CronTime(expression, zone), at, 21 * MINUTE),
      );

      expectNoOthers(found, ticks);
    });
  });

  it('no call of 3.5 and 4.0 is spurious, and some calls of 4.4 are', () => {
    const calls = CHANGES.filter(({ direction }) => direction === 'back').flatMap(({ zone, at }) =>
      ['0 0 * * *', '30 2 * * *', '0 3 * * *'].flatMap((expression) => {
        const cronTime = new CronTime(expression, zone);
        return firingsOf(cronTime, at - WATCHED, at + WATCHED).map((firing) => callAt(cronTime, firing));
      }),
    );

    expect(calls.includes('spurious')).toBe(version === '4.4');
  });
});

function expectNoOthers(found: Readonly<Record<string, string[]>>, ticks: Change['ticks']): void {
  const expected = shown(ticks);
  for (const [expression, runs] of Object.entries(found)) {
    const others = runs.filter((run) => !expected[expression]?.includes(run));
    expect({ expression, others }).toEqual({ expression, others: [] });
  }
}

/** The ticks from three hours before a change to three hours after it. */
function walk(cronTime: cron44.CronTime, change: number): number[] {
  const found: number[] = [];
  for (const tick of ticksAfter(cronTime, change - WATCHED - 1)) {
    if (tick > change + WATCHED || found.length > 100) break;
    found.push(tick);
  }
  return found;
}

/** What a process runs that starts some time before or after a change: each tick once, in order. */
function runsOf(cronTime: cron44.CronTime, change: number, from: number): number[] {
  const firings = firingsOf(cronTime, change + from, change + WATCHED);
  const called = firings.map((firing) => callAt(cronTime, firing + 2));
  return [...new Set(called.filter((tick) => typeof tick === 'number'))];
}

/** As cron's own scheduler goes on: at each firing it asks for the next. */
function firingsOf(cronTime: cron44.CronTime, start: number, end: number): number[] {
  const firings: number[] = [];
  let now = start - 1;
  for (;;) {
    jest.setSystemTime(now);
    const next = cronTime.sendAt().toMillis();
    if (next > end) return firings;
    if (next > now) firings.push(next);
    // It is never called in the very millisecond, and goes on when it is told to fire in the past.
    now = Math.max(next, now) + 1;
  }
}

function ofEach(
  ticks: Change['ticks'],
  found: (expression: string, expected: readonly number[]) => readonly (number | string | undefined)[],
): Record<string, string[]> {
  const all = Object.entries(ticks).map(
    ([expression, expected]) => [expression, found(expression, expected)] as const,
  );
  return shown(Object.fromEntries(all));
}

function shown(
  ticks: Readonly<Record<string, readonly (number | string | undefined)[]>>,
): Record<string, string[]> {
  return Object.fromEntries(Object.entries(ticks).map(([expression, all]) => [expression, all.map(inWords)]));
}

function inWords(tick: number | string | undefined): string {
  return typeof tick === 'number' ? new Date(tick).toISOString() : String(tick);
}

function readChanges(): Change[] {
  const text = readFileSync(new URL('clock-changes.txt', import.meta.url), 'utf8');
  return text
    .split('\n\n')
    .slice(1)
    .map((paragraph) => {
      const [head = '', ...lines] = paragraph.trim().split('\n');
      const [zone = '', year, direction = '', , after = ''] = head.split(' ');
      const moment = (entry: string): number => Date.parse(`${year}-${entry}`);
      const ticks = lines.map((line) => {
        const [expression = '', ...entries] = line.trim().split(/ {2,}| (?=-$)| (?=\d\d-\d\d[T ])/);
        return [expression, entries.filter((entry) => entry !== '-').map(moment)] as const;
      });
      return { zone, direction, at: moment(after), ticks: Object.fromEntries(ticks) };
    });
}
