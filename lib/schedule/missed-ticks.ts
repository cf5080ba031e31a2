import { Inject, Injectable } from '@nestjs/common';
import { wallTime, type Clock } from '../common/clock.js';
import type { Duration } from '../common/duration.js';
import { LazyTimer } from '../common/lazy-timer.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import { runOutside } from '../common/outside.js';
import { LOCK_MANAGER, LOCK_OUTAGES, LOCK_SETTINGS } from '../tokens.js';
import { AskedTicks, workOf } from './asked-ticks.js';
import { ticksAround, type CronTime, type TicksAround } from './cron-tick.js';
import { Firing, insideFiring } from './firing.js';

/** A job whose missed ticks run late. */
export interface CaughtUpJob {
  /** The name of the lock. */
  readonly name: string;
  readonly job: string;
  /** `Class.method`, for messages. */
  readonly method: string;
  readonly within: Duration;
  /** Its schedule; undefined while the scheduler does not call it. */
  schedule(): CronTime | undefined;
  /** Calls the method as the scheduler does. */
  call(): unknown;
}

/** A replica that runs a tick on time claims it within this many milliseconds, or within a quarter of a short period. */
const GRACE = 1000;
/**
 * Milliseconds after which it looks again in any case, because a clock may be set, a machine suspended, and a job
 * restarted.
 */
const LONGEST_DELAY = 60_000;

/**
 * Looks for ticks that this replica has not asked for: from before its start, from an outage, or ticks that the
 * scheduler skipped because the event loop was busy. It asks the store for the latest such tick of each job, and the
 * store decides whether it is missed. Without such a tick it asks nothing.
 */
@Injectable()
export class MissedTicks {
  readonly #asked: AskedTicks;
  readonly #outages: OutageLog;
  readonly #logger: LockLogger;
  readonly #takesTicks: boolean;
  readonly #clock: Clock;
  readonly #timer: LazyTimer;
  #jobs: readonly CaughtUpJob[] = [];
  #ignoreOutages: (() => void) | undefined;

  constructor(
    @Inject(AskedTicks) asked: AskedTicks,
    @Inject(LOCK_MANAGER) locks: { readonly clock: Clock },
    @Inject(LOCK_OUTAGES) outages: OutageLog,
    @Inject(LOCK_SETTINGS) settings: { readonly ticks: boolean; readonly logger: LockLogger },
  ) {
    this.#asked = asked;
    this.#outages = outages;
    this.#logger = settings.logger;
    this.#takesTicks = settings.ticks;
    this.#clock = locks.clock;
    this.#timer = new LazyTimer(this.#clock, () => this.#look());
  }

  /** Starts looking. Call this when the application has started. */
  start(jobs: readonly CaughtUpJob[]): void {
    if (!this.#takesTicks || jobs.length === 0) return;
    this.#jobs = jobs;
    this.#ignoreOutages = this.#outages.whenOver(() => this.#timer.setBy(this.#clock.now()));
    this.#timer.setBy(this.#clock.now());
  }

  stop(): void {
    this.#ignoreOutages?.();
    this.#jobs = [];
    this.#timer.clear();
  }

  #look(): void {
    const now = wallTime(this.#clock);
    const delays = this.#jobs.map((job) => this.#lookAt(job, now));
    if (delays.length > 0) this.#timer.setBy(this.#clock.now() + Math.min(LONGEST_DELAY, ...delays));
  }

  /** Returns the milliseconds after which to look at the job again. */
  #lookAt(job: CaughtUpJob, now: number): number {
    const cronTime = job.schedule();
    const ticks = cronTime && ticksAround(cronTime, now);
    if (!cronTime || !ticks) return LONGEST_DELAY;
    const { latest, next } = ticks;
    const grace = Math.min(GRACE, (next.getTime() - latest.getTime()) / 4);
    const untilNext = next.getTime() + grace - now;
    if (this.#asked.has(workOf(job.name, job.job), latest)) return untilNext;
    const untilMissed = latest.getTime() + grace - now;
    if (untilMissed > 0) return untilMissed;
    this.#catchUp(job, cronTime, ticks);
    return untilNext;
  }

  #catchUp(job: CaughtUpJob, cronTime: CronTime, { latest: tick, next, following }: TicksAround): void {
    const { name, within, method } = job;
    // Noted first, so that the tick is not asked for again whatever the method does before it asks.
    this.#asked.asks(workOf(name, job.job), tick);
    const firing = Firing.late({ name: undefined, cronTime }, { tick, following, missed: { within, next } });
    const called = runOutside(() => insideFiring(firing, () => firing.call(async () => job.call())));
    (called as Promise<unknown>).catch((error: unknown) =>
      this.#logger.error(messages.missedRunFailed(method, tick, error)),
    );
  }
}
