import type { TickOccurrence } from '../core/occurrence.js';

/** The part of cron's `CronTime` that is needed. Structural: the class comes with the user's @nestjs/schedule. */
export interface CronTime {
  /** The expression as it was given, or the one moment at which it fires. */
  readonly source: unknown;
  readonly realDate: boolean;
  /** The next time it fires; its zone is the one the expression is read in. */
  sendAt(): { toMillis(): number; readonly zone: object };
  /** The first scheduled second after the one that `from` is in. */
  getNextDateFrom(from: Date, zone?: unknown): { toMillis(): number };
}

/** What is known of a schedule from the calls before. */
interface Found {
  readonly tick: number;
  /** The tick after it; undefined as long as that was not looked for. */
  readonly next?: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How far to look back, in turn. A handler that is called on time finds its tick in the first; 29 February in the last. */
const LOOK_BACK = [2 * SECOND, 2 * MINUTE, 2 * HOUR, 2 * DAY, 62 * DAY, 3000 * DAY];

/** A job is called for one tick after the other: each is known before its time. One that is given new times has a new key. */
const lastFound = new WeakMap<CronTime, Found>();
const zones = new WeakMap<CronTime, object>();

/**
 * The nominal time of the tick that a call at `now` belongs to: the last scheduled time that is not later. All
 * replicas find the same one, however late their timers fired; undefined if there is none.
 */
export function latestTick(cronTime: CronTime, now: number): number | undefined {
  if (cronTime.realDate) return Number(cronTime.source);
  const tick = foreseen(cronTime, now) ?? search(cronTime, now);
  if (tick !== undefined) lookAhead(cronTime, tick);
  return tick;
}

/**
 * The occurrence that a job of the `SchedulerRegistry` runs for now, for jobs that have no decorated method. Undefined
 * before its first tick. Where the store is away `run` asks for it again, for `retryFor` at most, until the next one is due.
 *
 * @example
 * const job = new CronJob('0 * * * *', async () => {
 *   const occurrence = tickOccurrence(job);
 *   if (occurrence) await locks.run('hourly', work, { occurrence });
 * });
 */
export function tickOccurrence(job: { readonly cronTime: CronTime }): TickOccurrence | undefined {
  return occurrenceAt(job.cronTime, Date.now());
}

/** The same at any time, for a schedule. */
export function occurrenceAt(cronTime: CronTime, now: number): TickOccurrence | undefined {
  const tick = latestTick(cronTime, now);
  if (tick === undefined) return undefined;
  return { tick: new Date(tick), following: (moment) => tickAfter(cronTime, moment) };
}

function tickAfter(cronTime: CronTime, moment: Date): Date | undefined {
  if (cronTime.realDate) return undefined;
  try {
    return new Date(after(cronTime, moment.getTime()));
  } catch {
    // There is none, says cron so.
    return undefined;
  }
}

/** The tick that was found last, or the one after it. */
function foreseen(cronTime: CronTime, now: number): number | undefined {
  const last = lastFound.get(cronTime);
  if (!last || now < last.tick) return undefined;
  const { tick, next } = last;
  // Ticks are whole seconds: a call this soon after one is not for the next.
  if (now < tick + SECOND) return tick;
  if (next === undefined) return undefined;
  if (now < next) return tick;
  return now < next + SECOND || now < after(cronTime, next) ? next : undefined;
}

/** Looks for the next tick when the handler has begun: it takes up to a millisecond. */
function lookAhead(cronTime: CronTime, tick: number): void {
  if (lastFound.get(cronTime)?.tick === tick) return;
  lastFound.set(cronTime, { tick });
  setImmediate(() => {
    try {
      lastFound.set(cronTime, { tick, next: after(cronTime, tick) });
    } catch {
      // There is none, says cron so.
    }
  });
}

function search(cronTime: CronTime, now: number): number | undefined {
  const lookBack = LOOK_BACK.find((span) => after(cronTime, now - span) <= now);
  if (lookBack === undefined) return undefined;
  let tick = after(cronTime, now - lookBack);
  let beyond = now;
  // Few schedules have several ticks in what was looked back. None is later than `beyond` and not later than now.
  for (let next = after(cronTime, tick); next <= now; next = after(cronTime, tick)) {
    const middle = (next + beyond) / 2;
    const later = after(cronTime, middle);
    tick = later <= now ? later : next;
    if (later > now) beyond = middle;
  }
  return tick;
}

function after(cronTime: CronTime, time: number): number {
  const zone = zones.get(cronTime) ?? cronTime.sendAt().zone;
  zones.set(cronTime, zone);
  return cronTime.getNextDateFrom(new Date(time), zone).toMillis();
}
