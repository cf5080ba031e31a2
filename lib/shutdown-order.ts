import { Inject, Injectable, Module } from '@nestjs/common';
import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleDestroy,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { LockManager } from './core/lock-manager.js';

/** The end of the module order at which a hook is called. */
export type End = 'deepest' | 'topmost';

/** Something that runs in the background from the end of an application's start to the beginning of its shutdown. */
export interface Background {
  start(): void;
  stop(): void;
}

/**
 * The order in which locks leave an application. Scheduled work ends before the first `onModuleDestroy` of the
 * application. Work that was locked by hand ends before its first `onApplicationShutdown`, since databases close there.
 * The connection closes after the last.
 *
 * Nest calls the hooks of its modules by their distance from the root: the deepest first in version 10, and last from
 * version 11 on. It calls the hooks of one module together. So we have a module at each end. The one whose hooks are
 * called first shows the direction. The hooks of the application and the order of its imports stay unchanged.
 */
@Injectable()
export class ShutdownOrder {
  // The methods below are not named like hooks of Nest, which would call them.
  readonly #locks: LockManager[] = [];
  readonly #begin: (() => void)[] = [];
  readonly #background: Background[] = [];
  #first: End | undefined;
  #bootstrapped: End | undefined;

  add(locks: LockManager, background: Background): void {
    this.#locks.push(locks);
    this.#background.push(background);
  }

  /** The scheduler has started by the second call, and so have most parts of the application. */
  bootstrap(end: End): void {
    this.#bootstrapped ??= end;
    if (end !== this.#bootstrapped) for (const background of this.#background) background.start();
  }

  /** Calls back when Nest has called all start hooks of the application. */
  whenStarted(begin: () => void): void {
    this.#begin.push(begin);
  }

  started(): void {
    for (const begin of this.#begin) begin();
  }

  async destroy(end: End): Promise<void> {
    this.#first ??= end;
    for (const background of this.#background) background.stop();
    await this.#all((locks) => locks.drainScheduled());
  }

  /** Drains at the last end, after the hooks of the application, since these may release locks. */
  async beforeShutdown(end: End): Promise<void> {
    if (end !== this.#first) await this.#all((locks) => locks.drain());
  }

  /** Drains once more at the first end, since hooks and requests may have taken locks; closes at the last end. */
  async shutdown(end: End): Promise<void> {
    await this.#all((locks) => (end === this.#first ? locks.drain() : locks.close()));
  }

  async #all(leave: (locks: LockManager) => Promise<void>): Promise<void> {
    await Promise.all(this.#locks.map(leave));
  }
}

/** Marks our modules at the ends. Registered globally: the ESM and the CJS build may both be loaded. */
const PLACED = Symbol.for('nestjs-exclusive-lock/placed-module');

/** The module at the topmost end. `ExclusiveLockModule` is the deepest. */
@Module({ providers: [ShutdownOrder], exports: [ShutdownOrder] })
export class ExclusiveLockShutdownModule
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #order: ShutdownOrder;

  constructor(
    @Inject(ShutdownOrder) order: ShutdownOrder,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    this.#order = order;
    placeModule(ExclusiveLockShutdownModule, 'topmost', modules);
  }

  /** Every version of Nest calls the start hooks of the topmost module last. */
  onApplicationBootstrap(): void {
    this.#order.bootstrap('topmost');
    this.#order.started();
  }

  onModuleDestroy(): Promise<void> {
    return this.#order.destroy('topmost');
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.#order.beforeShutdown('topmost');
  }

  onApplicationShutdown(): Promise<void> {
    return this.#order.shutdown('topmost');
  }
}

/** Moves a module to an end. Nest sorts the modules when it calls the first hook, after it has made all of them. */
export function placeModule(metatype: object, end: End, modules: ModulesContainer): void {
  Object.defineProperty(metatype, PLACED, { value: true, configurable: true });
  for (const module of modules.values()) {
    // Global modules have Number.MAX_VALUE.
    if (module.metatype === metatype) module.distance = end === 'deepest' ? Infinity : -Infinity;
  }
}

/** Names the providers whose `onModuleDestroy` may be called before ours, since their modules are at an end as well. */
export function destroyedTooEarly(modules: ModulesContainer): string[] {
  return [...modules.values()]
    .filter(({ metatype, distance }) => !(PLACED in metatype) && !Number.isFinite(distance))
    .flatMap(({ name, providers, controllers }) =>
      [...providers.values(), ...controllers.values()]
        .filter(({ instance }) => hasDestroyHook(instance))
        .map((wrapper) => `${String(wrapper.name)} (in ${name})`),
    );
}

function hasDestroyHook(instance: unknown): boolean {
  return typeof (instance as Partial<OnModuleDestroy> | null | undefined)?.onModuleDestroy === 'function';
}
