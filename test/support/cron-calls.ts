import { occurrenceAt, type CronTime } from '../../lib/schedule/cron-tick.js';

/** The tick that a call of the scheduler is for; undefined where there is none, `'spurious'` for a call out of place. */
export function callAt(cronTime: CronTime, now: number): number | 'spurious' | undefined {
  const called = occurrenceAt(cronTime, now);
  if (called === undefined) return undefined;
  return 'spurious' in called ? 'spurious' : called.tick.getTime();
}

/** The same where each call is for a tick. */
export function tickAt(cronTime: CronTime, now: number): number | undefined {
  const tick = callAt(cronTime, now);
  if (tick === 'spurious') throw new Error(`A call at ${new Date(now).toISOString()} is spurious.`);
  return tick;
}

/** The ticks after a moment, one after the other as each is asked for the next. */
export function* ticksAfter(cronTime: CronTime, moment: number): Generator<number> {
  const called = occurrenceAt(cronTime, moment);
  if (!called || 'spurious' in called) throw new Error('Start at a moment before which there was a tick.');
  for (let tick = called.following?.(new Date(moment)); tick; tick = called.following?.(tick))
    yield tick.getTime();
}
