import { Inject, Injectable } from '@nestjs/common';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { wallTime } from '../common/clock.js';
import type { JobDescription, JobRole, LocalJob, LocalJobs } from '../core/local-jobs.js';
import { LockManager } from '../core/lock-manager.js';
import { claimOf, type JobId } from '../core/occurrence.js';
import type { Outcome } from '../core/outcome.js';
import { ticksAround, zoneOf } from '../schedule/cron-tick.js';
import { Firing, insideFiring, type RunByHand } from '../schedule/firing.js';
import { initialisationOf } from '../schedule/method-occurrences.js';
import type { MethodRole } from '../schedule/method-role.js';
import type { CaughtUpJob } from '../schedule/missed-ticks.js';
import { SchedulerWatch } from '../schedule/scheduler-watch.js';
import { LOCK_MANAGER, LOCK_SETTINGS } from '../tokens.js';
import { decoratedMethods, policyOf, type MethodPolicy } from './decorated-methods.js';

type Method = (this: object) => unknown;

/** A decorated method whose runs are recorded. */
interface DecoratedJob {
  readonly name: string;
  readonly id: JobId;
  readonly policy: MethodPolicy;
  /** Calls the method as others do, including decorators above ours. */
  readonly call: () => unknown;
}

/** The jobs of an application: the decorated methods whose runs the store records. */
@Injectable()
export class DecoratedJobs implements LocalJobs {
  readonly #jobs = new Map<string, DecoratedJob>();
  readonly #locks: LockManager;
  readonly #scheduler: SchedulerWatch;
  readonly #version: string | undefined;

  constructor(
    @Inject(LOCK_MANAGER) locks: LockManager,
    @Inject(SchedulerWatch) scheduler: SchedulerWatch,
    @Inject(LOCK_SETTINGS) settings: { readonly version: string | undefined },
  ) {
    this.#locks = locks;
    this.#scheduler = scheduler;
    this.#version = settings.version;
  }

  /** Adds the jobs of a provider. A class that two modules provide has its jobs once. */
  add(host: object): void {
    const prototype: object = Object.getPrototypeOf(host);
    for (const decorated of decoratedMethods(prototype)) {
      const policy = policyOf(prototype, decorated);
      const id = this.#idOf(policy);
      // A name that depends on arguments stands for many locks.
      if (!id || typeof decorated.name === 'function') continue;
      const name = decorated.name ?? policy.method;
      const call = (): unknown => (host as Record<string | symbol, Method>)[decorated.key].call(host);
      const key = JSON.stringify([name, id.job]);
      if (!this.#jobs.has(key)) this.#jobs.set(key, { name, id, policy, call });
    }
  }

  all(): readonly LocalJob[] {
    return [...this.#jobs.values()].map((job) => ({
      describe: () => this.#describe(job),
      run: job.policy.role.kind === 'start hook' ? undefined : () => this.#run(job),
    }));
  }

  /** The jobs whose missed ticks run late. */
  caughtUp(): readonly CaughtUpJob[] {
    return [...this.#jobs.values()].flatMap(({ name, policy, call }) => {
      const { role, job, method, options } = policy;
      if (role.kind !== 'cron' || !options.missed) return [];
      const { within } = options.missed;
      return { name, job, method, within, schedule: () => this.#scheduler.scheduleOf(role.metadata), call };
    });
  }

  /** Undefined for a method whose runs are not recorded. */
  #idOf({ job, role, options }: MethodPolicy): JobId | undefined {
    switch (role.kind) {
      case 'cron':
        return { kind: 'tick', job };
      case 'interval':
        return { kind: 'gap', job };
      case 'plain':
        return options.minGap === undefined ? undefined : { kind: 'gap', job };
      case 'start hook':
      case 'timeout':
        return { kind: 'key', job: claimOf(initialisationOf(job, options, this.#version)).job };
    }
  }

  #describe({ name, id, policy }: DecoratedJob): JobDescription {
    const { method, role } = policy;
    return { name, ...id, method, role: roleOf(role), ...this.#scheduleOf(role) };
  }

  #scheduleOf(role: MethodRole): Pick<JobDescription, 'expression' | 'timeZone' | 'nextTick'> {
    if (role.kind === 'interval' || role.kind === 'timeout') return { expression: `${role.ms} ms` };
    if (role.kind !== 'cron') return {};
    const { cronTime: given, timeZone } = role.metadata;
    const cronTime = this.#scheduler.scheduleOf(role.metadata);
    if (!cronTime || cronTime.realDate) {
      const expression = typeof given === 'string' ? given : new Date(Number(given)).toISOString();
      return { expression, timeZone };
    }
    const nextTick = ticksAround(cronTime, wallTime(this.#locks.clock))?.next.getTime();
    return { expression: String(cronTime.source), timeZone: zoneOf(cronTime), nextTick };
  }

  async #run({ name, id, policy, call }: DecoratedJob): Promise<Outcome<unknown>> {
    const { method } = policy;
    // It would become a part of the run that calls it.
    if (this.#locks.holds(name)) throw new LockConfigurationError(messages.runInsideItself(method, name));
    const byHand: RunByHand = { job: { name, ...id }, begun: false, outcome: undefined };
    const firing = Firing.byHand(byHand);
    const value = await insideFiring(firing, () => firing.call(async () => call()));
    if (byHand.outcome) return byHand.outcome;
    // A decorator above ours may have called the method and caught its error, or may not have called it.
    if (!byHand.begun) throw new LockConfigurationError(messages.notReached(method));
    return { status: 'ran', value };
  }
}

function roleOf({ kind }: MethodRole): JobRole {
  return kind === 'plain' ? 'method' : kind;
}
