import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Firing, insideFiring } from './firing.js';
import type { CronTime } from './cron-tick.js';
import { describeHandler, scheduleFor, watchJob } from './watched-job.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<string, Method & { [WATCHED]?: true }>;

/**
 * The methods by which the parts of @nestjs/schedule 4 to 12 are found. Minifiers change the names of classes, but not
 * those of methods.
 */
const REGISTRY = ['addCronJob', 'getCronJobs', 'deleteCronJob', 'getIntervals'];
const ORCHESTRATOR = ['addCron', 'addInterval', 'addTimeout'];

// Registered globally: two copies of the package may be loaded, and only one needs to watch.
const WATCHED = Symbol.for('nestjs-exclusive-lock/watched-scheduler');

/**
 * Makes each call of the scheduler run inside a `Firing`. It finds @nestjs/schedule in the running application by the
 * methods of its parts, so the package stays an optional peer, in any version and module format.
 */
@Injectable()
export class SchedulerWatch {
  readonly #modules: ModulesContainer;
  #found = false;
  /** The registries of this application. */
  readonly #registries = new Set<object>();

  /** All modules are known by now, and only constructors can have scheduled anything. */
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

  /**
   * Watches objects that factories made and jobs that constructors registered. Call this at the start, when everything
   * is constructed.
   */
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

  /**
   * The schedule of the method with this metadata of `@Cron`; undefined while the method is not called, for example
   * because its job is stopped.
   */
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

/** Wraps the method on the class, before any instance exists. Instances, which tests may spy on, stay unchanged. */
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
