import { Inject, Injectable } from '@nestjs/common';
import type { LeaseOptions } from '../core/lease-options.js';
import { ExclusiveLockService } from '../exclusive-lock.service.js';
import { ScheduledTicks } from '../schedule/scheduled-ticks.js';
import { openStream } from './streams.js';

/** One call of a decorated method. */
export interface DecoratedCall {
  readonly host: object;
  readonly key: string | symbol;
  readonly args: readonly unknown[];
  /** The function that `@Exclusive` put in the method's place. */
  readonly wrapper: (...args: never[]) => unknown;
  /** The lock's name as given to the decorator. */
  readonly name: string | undefined;
  readonly options: LeaseOptions;
  /** Calls the method itself. */
  readonly proceed: () => unknown;
}

/** Turns a call of a decorated method into a call of the service. */
@Injectable()
export class ExclusiveRunner {
  readonly #service: ExclusiveLockService;
  readonly #ticks: ScheduledTicks;

  constructor(
    @Inject(ExclusiveLockService) service: ExclusiveLockService,
    @Inject(ScheduledTicks) ticks: ScheduledTicks,
  ) {
    this.#service = service;
    this.#ticks = ticks;
  }

  /**
   * Resolves to the method's value, or to undefined if it was skipped. An Observable or async iterator is handed
   * over while the lock is held, until it ends.
   */
  async run({ host, key, args, wrapper, name, options, proceed }: DecoratedCall): Promise<unknown> {
    const method = methodName(host, key);
    // A decorator above ours may have replaced the wrapper, and hold the schedule's metadata.
    const tick = await this.#ticks.tickOf([(host as Record<string | symbol, unknown>)[key], wrapper], args);
    // Several jobs may share a lock; each has its own ticks. A name given to @Cron survives renames and minifiers.
    const occurrence = tick && { tick: new Date(tick.time), series: tick.name ?? method };
    return new Promise((resolve, reject) => {
      const work = async (): Promise<unknown> => {
        const value = await proceed();
        const stream = openStream(value);
        if (!stream) return value;
        resolve(stream.value);
        return stream.ended;
      };
      this.#service
        .run(name ?? method, work, { ...options, occurrence })
        .then((outcome) => resolve(outcome.status === 'skipped' ? undefined : outcome.value), reject);
    });
  }
}

/** `Class.method` of the object at hand, for names and messages. */
export function methodName(host: object | undefined, key: string | symbol): string {
  return `${host?.constructor?.name ?? '?'}.${String(key)}`;
}
