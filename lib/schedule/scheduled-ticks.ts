import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { occurrenceAt, type CronTime } from './cron-tick.js';
import type { TickOccurrence } from '../core/occurrence.js';
import type { CronMetadata } from './method-role.js';

interface CronJob {
  readonly cronTime: CronTime;
  lastDate(): Date | null;
}

interface SchedulerRegistry {
  getCronJobs(): Map<string, CronJob>;
}

type CronTimeConstructor = new (source: unknown, timeZone: unknown, utcOffset: unknown) => CronTime;

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

  /** The tick that the call is for; undefined if the call is not the scheduler's. */
  async tickOf(metadata: CronMetadata, args: readonly unknown[]): Promise<TickOccurrence | undefined> {
    if (!isSchedulersCall(args)) return undefined;
    if (typeof metadata.cronTime !== 'string') return { tick: new Date(metadata.cronTime.valueOf()) };
    const now = Date.now();
    const cronTime = this.#registered(metadata) ?? (await this.#lateOrRetimed(metadata));
    return cronTime && occurrenceAt(cronTime, now);
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

const firedAt = (job: CronJob): number => job.lastDate()?.getTime() ?? 0;

/** cron hands its `onComplete` to the handler, which @nestjs/schedule never sets: one argument, undefined. */
function isSchedulersCall(args: readonly unknown[]): boolean {
  return args.length === 1 && args[0] === undefined;
}
