import type { CronTime } from './cron-tick.js';
import { Firing, currentFiring, firedWhenMade, insideFiring } from './firing.js';

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/** Private to cron. If it is missing, a firing counts for a minute, however long its handlers run. */
const CALLBACKS = '_callbacks';

/** The part of cron's `CronJob` that is used, the same from cron 3.1 to 4.4. */
interface CronJob {
  readonly cronTime: CronTime;
  /** Whether its timer runs; until cron 4, `running`. */
  readonly isActive?: boolean;
  readonly running?: boolean;
  /** When its timer last fired. Returns a new object each time it fires. */
  lastDate(): Date | null;
  fireOnTick: Callback;
  start: Callback;
  addCallback?: (callback: Callback) => void;
  [CALLBACKS]?: unknown;
}

// Registered globally: two copies of the package may be loaded, and only one needs to watch.
const WATCHED = Symbol.for('nestjs-exclusive-lock/watched-job');

/** The metadata of `@Cron` on the method that a handler calls. */
const metadataOfHandlers = new WeakMap<object, object>();

/** The name that @nestjs/schedule gives to a job without one, different in each replica. */
const RANDOM_NAME = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i;

/**
 * Makes the calls by the job's timer run inside a `Firing`.
 *
 * @param name its name in the `SchedulerRegistry`
 * @param isNew whether it was made in this synchronous stretch, and may have fired in its constructor
 */
export function watchJob(job: unknown, name: string, { isNew }: { isNew: boolean }): void {
  if (!isCronJob(job)) return;
  const watched = (job as { [WATCHED]?: WatchedJob })[WATCHED];
  if (watched) {
    watched.name = name;
    return;
  }
  const value = new WatchedJob(job, name);
  Object.defineProperty(job, WATCHED, { value });
  if (isNew && job.lastDate()) firedWhenMade(value.fired(job.lastDate()!));
}

/** Notes that the scheduler is about to make a job that calls `handler` for a method with `@Cron`. */
export function describeHandler(handler: unknown, metadata: unknown): void {
  if (typeof handler === 'function' && typeof metadata === 'object' && metadata !== null)
    metadataOfHandlers.set(handler, metadata);
}

/** The schedule of the job if it calls the method with this metadata; undefined if it is another job or is stopped. */
export function scheduleFor(job: unknown, metadata: object): CronTime | undefined {
  if (!isCronJob(job)) return undefined;
  const watched = (job as { [WATCHED]?: WatchedJob })[WATCHED];
  if (watched?.metadata !== metadata) return undefined;
  return (job.isActive ?? job.running) ? job.cronTime : undefined;
}

class WatchedJob {
  name: string;
  /** The metadata of `@Cron` on the method that it calls. */
  readonly metadata: object | undefined;
  readonly #job: CronJob;
  /** The last `lastDate()` that was seen. */
  #seen: Date | null;
  /**
   * The ticks whose calls are still to come. If cron arms late, it calls for the next tick before it calls for this
   * one.
   */
  readonly #due: Date[] = [];

  constructor(job: CronJob, name: string) {
    const { fireOnTick, start, addCallback, [CALLBACKS]: callbacks } = job;
    this.name = name;
    this.#job = job;
    this.#seen = job.lastDate();
    // cron arms the next timer after it has noted the moment and before it makes the call.
    job.start = (...args) => {
      this.#look();
      return start.apply(job, args);
    };
    job.fireOnTick = (...args) => this.#fire(() => fireOnTick.apply(job, args));
    const [handler] = Array.isArray(callbacks) ? (callbacks as object[]) : [];
    this.metadata = handler && metadataOfHandlers.get(handler);
    if (Array.isArray(callbacks)) job[CALLBACKS] = callbacks.map(followed);
    if (addCallback) job.addCallback = (callback) => addCallback.call(job, followed(callback));
  }

  fired(at: Date): Firing {
    const name = RANDOM_NAME.test(this.name) ? undefined : this.name;
    return new Firing({ name, cronTime: this.#job.cronTime }, at.getTime());
  }

  #look(): void {
    const last = this.#job.lastDate();
    if (last && last !== this.#seen) this.#due.push(last);
    this.#seen = last;
  }

  /** Only the timer notes a moment first. A call by hand belongs to its caller. */
  #fire(call: () => unknown): unknown {
    this.#look();
    const at = this.#due.pop();
    return at ? insideFiring(this.fired(at), call) : call();
  }
}

/** Wraps a handler so that its firing counts for as long as it runs. */
function followed(callback: Callback): Callback {
  return function (...args) {
    const call = (): unknown => callback.apply(this, args);
    const firing = currentFiring();
    return firing ? firing.call(call) : call();
  };
}

function isCronJob(job: unknown): job is CronJob {
  if (typeof job !== 'object' || job === null) return false;
  const { cronTime, lastDate, fireOnTick, start } = job as Partial<CronJob>;
  if (typeof cronTime !== 'object' || cronTime === null) return false;
  return [lastDate, fireOnTick, start].every((method) => typeof method === 'function');
}
