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

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How far to look back, in turn. A handler that is called on time finds its tick in the first; 29 February in the last. */
const LOOK_BACK = [2 * SECOND, 2 * MINUTE, 2 * HOUR, 2 * DAY, 62 * DAY, 3000 * DAY];

/**
 * The nominal time of the tick that a call at `now` belongs to: the last scheduled time that is not later. All
 * replicas find the same one, however late their timers fired; undefined if there is none.
 */
export function latestTick(cronTime: CronTime, now: number): number | undefined {
  if (cronTime.realDate) return Number(cronTime.source);
  const { zone } = cronTime.sendAt();
  const after = (time: number): number => cronTime.getNextDateFrom(new Date(time), zone).toMillis();

  const lookBack = LOOK_BACK.find((span) => after(now - span) <= now);
  if (lookBack === undefined) return undefined;
  let before = now - lookBack;
  let beyond = now;
  while (beyond - before > SECOND) {
    const middle = (before + beyond) / 2;
    if (after(middle) <= now) before = middle;
    else beyond = middle;
  }
  return after(before);
}
