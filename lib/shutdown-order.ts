import { Inject, Injectable, Module } from '@nestjs/common';
import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleDestroy,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { LockManager } from './core/lock-manager.js';

/** At which end of an application's modules a hook is called. */
export type End = 'deepest' | 'topmost';

/**
 * Leaves an application in the order in which its parts can be missed: scheduled work ends before the first
 * `onModuleDestroy`, and what was locked by hand before the first `onApplicationShutdown`, since databases close there;
 * the connection closes after the last.
 *
 * Nest calls the hooks of its modules by their distance from the root, the deepest first in version 10 and last from 11
 * on, and those of one module at once. So there is a module of ours at each end, and the one whose hooks come first
 * tells which way it goes; no hook of the application, nor the order of its imports, is touched.
 */
@Injectable()
export class ShutdownOrder {
  // Nest would take methods that are called like its hooks for hooks.
  readonly #locks: LockManager[] = [];
  readonly #begin: (() => void)[] = [];
  #first: End | undefined;

  add(locks: LockManager): void {
    this.#locks.push(locks);
  }

  /** Calls back when all start hooks of the application have been called. */
  whenStarted(begin: () => void): void {
    this.#begin.push(begin);
  }

  started(): void {
    for (const begin of this.#begin) begin();
  }

  async destroy(end: End): Promise<void> {
    this.#first ??= end;
    await this.#all((locks) => locks.drainScheduled());
  }

  /** The hooks of the application may release locks, so these are called before. */
  async beforeShutdown(end: End): Promise<void> {
    if (end !== this.#first) await this.#all((locks) => locks.drain());
  }

  /** Hooks and requests may have taken locks since. */
  async shutdown(end: End): Promise<void> {
    await this.#all((locks) => (end === this.#first ? locks.drain() : locks.close()));
  }

  async #all(leave: (locks: LockManager) => Promise<void>): Promise<void> {
    await Promise.all(this.#locks.map(leave));
  }
}

/** Marks the modules that are placed. Registered globally: the ESM and the CJS build may both be loaded. */
const PLACED = Symbol.for('nestjs-exclusive-lock/placed-module');

/** Is there for its place. */
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

  /** In every version of Nest the start hooks of the topmost module are called last. */
  onApplicationBootstrap(): void {
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

/** Nest sorts the modules when it calls the first hook, after all of them were made. */
export function placeModule(metatype: object, end: End, modules: ModulesContainer): void {
  Object.defineProperty(metatype, PLACED, { value: true, configurable: true });
  for (const module of modules.values()) {
    // That of global modules is the greatest number there is.
    if (module.metatype === metatype) module.distance = end === 'deepest' ? Infinity : -Infinity;
  }
}

/** Those with an `onModuleDestroy` that may be called before ours, since their module is at an end, too. */
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
