import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { latestTick, type CronTime } from './cron-tick.js';

/** What `@Cron` of @nestjs/schedule leaves on a method. */
interface CronMetadata {
  readonly cronTime: string | { valueOf(): number };
  readonly name?: string;
  readonly timeZone?: unknown;
  readonly utcOffset?: unknown;
}

interface CronJob {
  readonly cronTime: CronTime;
  lastDate(): Date | null;
}

interface SchedulerRegistry {
  getCronJobs(): Map<string, CronJob>;
}

/** One tick of a job. */
export interface ScheduledTick {
  /** Nominal, milliseconds since the epoch. */
  readonly time: number;
  /** The job's name, if `@Cron` gave it one. */
  readonly name: string | undefined;
}

type CronTimeConstructor = new (source: unknown, timeZone: unknown, utcOffset: unknown) => CronTime;

const CRON_METADATA = 'SCHEDULE_CRON_OPTIONS';

/**
 * Tells which tick a call of a `@Cron` method is for. @nestjs/schedule is found in the running application, by
 * what its parts look like: so it stays an optional peer, in any version and module format.
 */
@Injectable()
export class ScheduledTicks {
  readonly #modules: ModulesContainer;
  readonly #cronTimes = new WeakMap<CronMetadata, CronTime>();
  #registry: SchedulerRegistry | undefined;

  constructor(@Inject(ModulesContainer) modules: ModulesContainer) {
    this.#modules = modules;
  }

  /**
   * The tick that the call is for; undefined if the call is not the scheduler's.
   *
   * @param methods the decorated method as others see it, outermost first: the metadata is on one of them
   */
  async tickOf(methods: readonly unknown[], args: readonly unknown[]): Promise<ScheduledTick | undefined> {
    const metadata = methods.map(cronMetadata).find((found) => found !== undefined);
    if (!metadata || !isSchedulersCall(args)) return undefined;
    const { name } = metadata;
    if (typeof metadata.cronTime !== 'string') return { name, time: metadata.cronTime.valueOf() };
    const now = Date.now();
    const cronTime = this.#registered(metadata) ?? (await this.#lateOrRetimed(metadata));
    const time = cronTime && latestTick(cronTime, now);
    return time === undefined ? undefined : { name, time };
  }

  /** The schedule of the method's job, as long as the job can be found by its name or by what the method says. */
  #registered(metadata: CronMetadata): CronTime | undefined {
    const jobs = this.#findRegistry()?.getCronJobs();
    // A job with a name may have been given another time since.
    const named = metadata.name === undefined ? undefined : jobs?.get(metadata.name);
    if (named) return named.cronTime;
    const alike = [...(jobs?.values() ?? [])].find(({ cronTime }) => cronTime.source === metadata.cronTime);
    return alike && this.#cronTimeLike(alike.cronTime, metadata);
  }

  /** Made by the class that the scheduler itself uses: both read an expression alike. */
  #cronTimeLike(example: CronTime, metadata: CronMetadata): CronTime {
    const known = this.#cronTimes.get(metadata);
    if (known) return known;
    const { cronTime, timeZone, utcOffset } = metadata;
    const made = new (example.constructor as CronTimeConstructor)(cronTime, timeZone, utcOffset);
    this.#cronTimes.set(metadata, made);
    return made;
  }

  async #lateOrRetimed(metadata: CronMetadata): Promise<CronTime | undefined> {
    // cron calls the handler from within the job's constructor when it arms late; it is registered right after.
    await Promise.resolve();
    const registered = this.#registered(metadata);
    if (registered) return registered;
    // A job without a name that was given another time: it is the one that has just fired.
    const jobs = [...(this.#findRegistry()?.getCronJobs().values() ?? [])];
    return jobs.toSorted((a, b) => firedAt(b) - firedAt(a))[0]?.cronTime;
  }

  #findRegistry(): SchedulerRegistry | undefined {
    if (this.#registry) return this.#registry;
    for (const { providers } of this.#modules.values()) {
      for (const { name, instance } of providers.values()) {
        if (name === 'SchedulerRegistry' && isRegistry(instance)) this.#registry = instance;
      }
    }
    return this.#registry;
  }
}

function isRegistry(instance: unknown): instance is SchedulerRegistry {
  return typeof (instance as Partial<SchedulerRegistry> | null)?.getCronJobs === 'function';
}

function cronMetadata(method: unknown): CronMetadata | undefined {
  return typeof method === 'function' ? Reflect.getMetadata(CRON_METADATA, method) : undefined;
}

const firedAt = (job: CronJob): number => job.lastDate()?.getTime() ?? 0;

/** cron hands its `onComplete` to the handler, which @nestjs/schedule never sets: one argument, undefined. */
function isSchedulersCall(args: readonly unknown[]): boolean {
  return args.length === 1 && args[0] === undefined;
}
