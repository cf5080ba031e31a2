import { Inject, Injectable } from '@nestjs/common';
import { LockTimeoutError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import type { RunOptions } from '../core/lock-manager.js';
import type { ResolvedSettings } from '../exclusive-lock.options.js';
import { ExclusiveLockService } from '../exclusive-lock.service.js';
import { MethodOccurrences } from '../schedule/method-occurrences.js';
import { roleOf, type MethodRole } from '../schedule/method-role.js';
import { LOCK_SETTINGS } from '../tokens.js';
import type { DecoratedMethod } from './decorated-methods.js';
import { openStream } from './streams.js';

/** One call of a decorated method. */
export interface DecoratedCall extends DecoratedMethod {
  readonly host: object;
  readonly args: readonly unknown[];
  /** The lock's name as given to the decorator. */
  readonly name: string | undefined;
  /** Calls the method itself. */
  readonly proceed: () => unknown;
}

/** Turns a call of a decorated method into a call of the service. */
@Injectable()
export class ExclusiveRunner {
  readonly #service: ExclusiveLockService;
  readonly #occurrences: MethodOccurrences;
  readonly #logger: LockLogger;
  /** By the method as others see it: a decorator above ours may hold the schedule's metadata. */
  readonly #roles = new WeakMap<object, MethodRole>();

  constructor(
    @Inject(ExclusiveLockService) service: ExclusiveLockService,
    @Inject(MethodOccurrences) occurrences: MethodOccurrences,
    @Inject(LOCK_SETTINGS) { logger }: ResolvedSettings,
  ) {
    this.#service = service;
    this.#occurrences = occurrences;
    this.#logger = logger;
  }

  /**
   * Resolves to the method's value, or to undefined if it was skipped. An Observable or async iterator is handed
   * over while the lock is held, until it ends.
   */
  async run(call: DecoratedCall): Promise<unknown> {
    const { name, args, options } = call;
    const method = methodName(call.host, call.key);
    const { ttl, renewEvery, contents } = options;
    const occurrence = await this.#occurrences.of({ method, role: this.#roleOf(call), args, options });
    const runOptions = { ttl, renewEvery, contents, ...occurrence };
    try {
      return await this.#run(name ?? method, call, runOptions);
    } catch (error) {
      if (!(error instanceof LockTimeoutError) || options.whenTimedOut !== 'continue') throw error;
      this.#logger.warn(error.message);
      return undefined;
    }
  }

  #run(name: string, { proceed }: DecoratedCall, options: RunOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const work = async (): Promise<unknown> => {
        const value = await proceed();
        const stream = openStream(value);
        if (!stream) return value;
        resolve(stream.value);
        return stream.ended;
      };
      this.#service
        .run(name, work, options)
        .then((outcome) => resolve(outcome.status === 'skipped' ? undefined : outcome.value), reject);
    });
  }

  #roleOf({ host, key, wrapper }: DecoratedCall): MethodRole {
    const outermost = (host as Record<string | symbol, unknown>)[key];
    const known = this.#roles.get(outermost as object);
    if (known) return known;
    const role = roleOf(key, [outermost, wrapper]);
    if (typeof outermost === 'function') this.#roles.set(outermost, role);
    return role;
  }
}

/** `Class.method` of the object at hand, for names and messages. */
export function methodName(host: object | undefined, key: string | symbol): string {
  return `${host?.constructor?.name ?? '?'}.${String(key)}`;
}
