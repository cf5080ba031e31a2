import type { TickOccurrence } from '../core/occurrence.js';
import { WallClock, type Zone } from './wall-clock.js';
import { WallTimes, type CronFields } from './wall-times.js';

/**
 * The part of cron's `CronTime` that is used. Structural, because the class comes with the user's @nestjs/schedule.
 *
 * The times that it computes are not used: every version is wrong in the nights when the clocks change, and versions
 * differ.
 */
export interface CronTime {
  /** The expression as it was given, or the one moment at which it fires. */
  readonly source: unknown;
  readonly realDate: boolean;
  /** The next time it fires. Its zone is that of the expression. */
  sendAt(): { readonly zone: object };
}

/** A call of the scheduler at a time that the expression does not name. It has no tick and must not run. */
export interface SpuriousCall {
  /** The time for which the scheduler called. */
  readonly spurious: Date;
}

interface Schedule {
  readonly times: WallTimes;
  readonly clock: WallClock;
}

/** A moment at which the scheduler calls, and the tick that the call is for; undefined if the call is wrong. */
interface Call {
  readonly at: number;
  readonly tick: number | undefined;
}

const HOUR = 3_600_000;

/** A job whose times are changed has a new key. */
const schedules = new WeakMap<CronTime, Schedule>();

/**
 * Returns the occurrence for which a job of the `SchedulerRegistry` was called, for jobs without a decorated method.
 * Undefined before its first tick, and for a call at a time that its expression does not name, as cron makes in the
 * nights when the clocks change: then there is nothing to run. While the store is away, `run` retries until the next
 * tick is due, for `retryFor` at most.
 *
 * @example
 * const job = new CronJob('0 * * * *', async () => {
 *   const occurrence = tickOccurrence(job);
 *   if (occurrence) await locks.run('hourly', work, { occurrence });
 * });
 */
export function tickOccurrence(job: { readonly cronTime: CronTime }): TickOccurrence | undefined {
  const called = occurrenceAt(job.cronTime, Date.now());
  return called && 'spurious' in called ? undefined : called;
}

/**
 * Returns the tick that a call of the scheduler is for; undefined before the first tick. All replicas find the same
 * tick, however late their timers fire.
 *
 * A time of day that comes twice is one tick, at the first of the two, unless the expression is a pattern of every hour
 * or of every minute. Times that are skipped are one tick, at the first moment after the gap.
 */
export function occurrenceAt(cronTime: CronTime, now: number): TickOccurrence | SpuriousCall | undefined {
  if (cronTime.realDate) return { tick: new Date(Number(cronTime.source)), following: () => undefined };
  const schedule = scheduleOf(cronTime);
  const call = [...rightCalls(schedule, now), ...spuriousCalls(schedule, now)]
    .filter(({ at }) => at <= now)
    .reduce<Call | undefined>(
      (latest, other) => (latest && latest.at >= other.at ? latest : other),
      undefined,
    );
  if (!call) return undefined;
  if (call.tick === undefined) return { spurious: new Date(call.at) };
  return { tick: new Date(call.tick), following: (moment) => tickAfter(schedule, moment) };
}

/** The ticks before and after a moment. */
export interface TicksAround {
  /** The latest tick that is due. */
  readonly latest: Date;
  /** The first tick after the moment. */
  readonly next: Date;
  /** Returns the first tick after any other moment. */
  readonly following: (moment: Date) => Date | undefined;
}

/** Returns the ticks before and after now. Undefined before the first tick, and if there are no more. */
export function ticksAround(cronTime: CronTime, now: number): TicksAround | undefined {
  if (cronTime.realDate) return undefined;
  const schedule = scheduleOf(cronTime);
  const due = rightCalls(schedule, now).flatMap(({ tick }) =>
    tick !== undefined && tick <= now ? tick : [],
  );
  const next = tickAfter(schedule, new Date(now));
  if (due.length === 0 || !next) return undefined;
  return { latest: new Date(Math.max(...due)), next, following: (moment) => tickAfter(schedule, moment) };
}

/** The name of the time zone of the expression. */
export function zoneOf(cronTime: CronTime): string {
  return (cronTime.sendAt().zone as { readonly name: string }).name;
}

/**
 * The correct calls for the last time that the expression names, by what the clocks show and by the furthest that they
 * have come.
 */
function rightCalls({ times, clock }: Schedule, now: number): Call[] {
  return distinct([times.last(clock.reading(now)), times.last(clock.furthest(now))]).flatMap((reading) => {
    const moments = clock.moments(reading);
    return moments.map((at) => ({ at, tick: times.recurring ? at : moments[0] }));
  });
}

/**
 * The calls that cron 4.1.1 and later make too early when the clocks change. If they go back an hour, these are the
 * calls of the hour after that. If they change by half an hour, as on Lord Howe Island, these are calls near the
 * change, up to three times.
 */
function spuriousCalls({ times, clock }: Schedule, now: number): Call[] {
  const [before, after] = [clock.offset(now - 3 * HOUR), clock.offset(now + 3 * HOUR)];
  const byHalfAnHour = Math.abs(after - before) === HOUR / 2;
  if (before === after || (after > before && !byHalfAnHour)) return [];
  const next = times.next(clock.furthest(now));
  if (next === undefined) return [];
  const calls = byHalfAnHour
    ? [before, after].flatMap((offset) => [0.5, 1, 1.5].map((hours) => next - offset - hours * HOUR))
    : [next - after - HOUR];
  // If a named time comes twice, a process that started in between is called for that tick.
  return calls.filter((at) => !times.includes(clock.reading(at))).map((at) => ({ at, tick: undefined }));
}

/** The first later tick; undefined if there is none. */
function tickAfter({ times, clock }: Schedule, moment: Date): Date | undefined {
  const now = moment.getTime();
  // A reading that will be repeated soon was shown before, but is still to come.
  const repetition = clock.nextRepetition(now) ?? now;
  const shown = [clock.furthest(now), clock.reading(now), clock.reading(repetition) - 1];
  const ticks = distinct(shown.map((reading) => times.next(reading)))
    .flatMap((reading) => (times.recurring ? clock.moments(reading) : clock.moments(reading)[0]))
    .filter((tick) => tick > now);
  return ticks.length === 0 ? undefined : new Date(Math.min(...ticks));
}

function scheduleOf(cronTime: CronTime): Schedule {
  const known = schedules.get(cronTime);
  if (known) return known;
  // These fields are private in cron's types, and the same in each version that @nestjs/schedule 4 to 12 bring.
  const times = new WallTimes(cronTime as unknown as CronFields);
  const schedule = { times, clock: new WallClock(cronTime.sendAt().zone as Zone) };
  schedules.set(cronTime, schedule);
  return schedule;
}

function distinct(readings: readonly (number | undefined)[]): number[] {
  return [...new Set(readings)].filter((reading) => reading !== undefined);
}
