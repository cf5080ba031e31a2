import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Firing, insideFiring } from './firing.js';
import type { CronTime } from './cron-tick.js';
import { describeHandler, scheduleFor, watchJob } from './watched-job.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<string, Method & { [WATCHED]?: true }>;

/** What the parts of @nestjs/schedule 4 to 12 look like. Minifiers change the names of classes, not those of methods. */
const REGISTRY = ['addCronJob', 'getCronJobs', 'deleteCronJob', 'getIntervals'];
const ORCHESTRATOR = ['addCron', 'addInterval', 'addTimeout'];

// Registered globally: two copies of the package may meet, and one of them is enough.
const WATCHED = Symbol.for('nestjs-exclusive-lock/watched-scheduler');

/**
 * Knows what the scheduler calls: each of its calls is made inside of a `Firing`. @nestjs/schedule is found in the
 * running application, by what its parts look like: so it stays an optional peer, in any version and module format.
 */
@Injectable()
export class SchedulerWatch {
  readonly #modules: ModulesContainer;
  #found = false;
  /** Of this application. */
  readonly #registries = new Set<object>();

  /** All modules are known by now, and nothing has been scheduled but by constructors. */
  constructor(@Inject(ModulesContainer) modules: ModulesContainer) {
    this.#modules = modules;
    for (const [token] of this.#providers()) {
      if (typeof token === 'function') this.#watch(token.prototype);
    }
  }

  /** Whether the application has a scheduler. */
  get found(): boolean {
    return this.#found;
  }

  /** Watches what a factory has made, and jobs that constructors have registered. For the start, when all is made. */
  watchInstances(): void {
    for (const [, { instance }] of this.#providers()) {
      if (typeof instance !== 'object' || instance === null) continue;
      const prototype: unknown = Object.getPrototypeOf(instance);
      this.#watch(prototype);
      if (!looksLike(prototype, REGISTRY)) continue;
      this.#registries.add(instance);
      for (const [name, job] of cronJobsOf(instance)) watchJob(job, String(name), { isNew: false });
    }
  }

  /** When the method with this metadata of `@Cron` is called; undefined while it is not, as when its job is stopped. */
  scheduleOf(metadata: object): CronTime | undefined {
    for (const registry of this.#registries) {
      for (const job of cronJobsOf(registry).values()) {
        const schedule = scheduleFor(job, metadata);
        if (schedule) return schedule;
      }
    }
    return undefined;
  }

  *#providers() {
    for (const { providers } of this.#modules.values()) yield* providers;
  }

  #watch(prototype: unknown): void {
    if (looksLike(prototype, REGISTRY)) {
      this.#found = true;
      wrap(prototype, 'addCronJob', watchingJobs);
    }
    if (looksLike(prototype, ORCHESTRATOR)) {
      wrap(prototype, 'addCron', describingHandlers);
      wrap(prototype, 'addInterval', callingInside);
      wrap(prototype, 'addTimeout', callingInside);
    }
  }
}

function watchingJobs(addCronJob: Method): Method {
  return function (name, job, ...rest) {
    const returned = addCronJob.call(this, name, job, ...rest);
    watchJob(job, String(name), { isNew: true });
    return returned;
  };
}

function describingHandlers(addCron: Method): Method {
  return function (handler, metadata, ...rest) {
    describeHandler(handler, metadata);
    return addCron.call(this, handler, metadata, ...rest);
  };
}

function cronJobsOf(registry: object): ReadonlyMap<unknown, unknown> {
  const jobs: unknown = (registry as Record<'getCronJobs', Method>).getCronJobs();
  return jobs instanceof Map ? jobs : new Map();
}

function callingInside(add: Method): Method {
  return function (handler, ...rest) {
    const inside: Method = (...args) => {
      const firing = new Firing(undefined, Date.now());
      return insideFiring(firing, () => firing.call(() => (handler as Method)(...args)));
    };
    return add.call(this, inside, ...rest);
  };
}

/** On the class, and so in force before anything is made; an instance, which may be spied on, stays as it is. */
function wrap(prototype: object, method: string, wrapper: (method: Method) => Method): void {
  const owner = ownerOf(prototype, method);
  const original = owner?.[method];
  if (!original || original[WATCHED]) return;
  const value = Object.assign(wrapper(original), { [WATCHED]: true });
  Object.defineProperty(owner, method, { value, configurable: true, writable: true });
}

function ownerOf(prototype: unknown, method: string): Methods | undefined {
  if (typeof prototype !== 'object' || prototype === null) return undefined;
  if (Object.hasOwn(prototype, method)) return prototype as Methods;
  return ownerOf(Object.getPrototypeOf(prototype), method);
}

function looksLike(prototype: unknown, methods: readonly string[]): prototype is object {
  if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) return false;
  return methods.every((method) => typeof (prototype as Record<string, unknown>)[method] === 'function');
}
