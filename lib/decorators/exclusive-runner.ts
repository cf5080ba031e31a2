import { Inject, Injectable } from '@nestjs/common';
import { LockBusyError, LockShuttingDownError, LockTimeoutError, type LockError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import { LockManager } from '../core/lock-manager.js';
import { BY_HAND, SCHEDULED, type MethodRunOptions } from '../core/run-options.js';
import { claimOf, describeClaim, type Occurrence } from '../core/occurrence.js';
import type { Outcome, Skipped } from '../core/outcome.js';
import type { ResolvedSettings } from '../exclusive-lock.options.js';
import { ExclusiveLockService } from '../exclusive-lock.service.js';
import { AskedTicks, workOf } from '../schedule/asked-ticks.js';
import { outsideFiring } from '../schedule/firing.js';
import { MethodOccurrences, type IntendedRun } from '../schedule/method-occurrences.js';
import { LOCK_MANAGER, LOCK_OUTAGES, LOCK_SETTINGS } from '../tokens.js';
import { policyOf, type DecoratedMethod, type MethodPolicy } from './decorated-methods.js';
import { retryOf } from './fitting-options.js';
import { lockName } from './lock-names.js';
import { IS_RUNNER, type MethodRunner } from './runner-property.js';
import { openStream } from './streams.js';

/** One call of a decorated method. */
export interface DecoratedCall extends DecoratedMethod {
  readonly host: object;
  readonly args: readonly unknown[];
  /** Calls the method itself. */
  readonly proceed: () => unknown;
}

/** Turns a call of a decorated method into a call of the service. */
@Injectable()
export class ExclusiveRunner implements MethodRunner {
  readonly [IS_RUNNER] = true;
  readonly #service: ExclusiveLockService;
  readonly #locks: LockManager;
  readonly #occurrences: MethodOccurrences;
  readonly #asked: AskedTicks;
  readonly #outages: OutageLog;
  readonly #logger: LockLogger;
  /** Keyed by the use of the decorator and the class of the object. */
  readonly #policies = new WeakMap<object, WeakMap<object, MethodPolicy>>();

  constructor(
    @Inject(LOCK_MANAGER) locks: LockManager,
    @Inject(ExclusiveLockService) service: ExclusiveLockService,
    @Inject(MethodOccurrences) occurrences: MethodOccurrences,
    @Inject(AskedTicks) asked: AskedTicks,
    @Inject(LOCK_OUTAGES) outages: OutageLog,
    @Inject(LOCK_SETTINGS) { logger }: ResolvedSettings,
  ) {
    this.#service = service;
    this.#locks = locks;
    this.#occurrences = occurrences;
    this.#asked = asked;
    this.#outages = outages;
    this.#logger = logger;
  }

  /**
   * Resolves to the value of the method, or to what its policies say if it did not run. If the value is an Observable
   * or an async iterator, the lock is held until that ends.
   */
  async run(call: DecoratedCall): Promise<unknown> {
    const policy = this.#policyOf(call);
    const name = lockName(call.name, policy.method, call.args);
    const intended = await this.#intended(name, policy);
    if (!intended) return undefined;
    const { occurrence, [BY_HAND]: byHand, [SCHEDULED]: scheduled } = intended.options;
    // Neither is retried: a run by hand has a caller, and a missed tick is asked for again when the store is back.
    const isOnce = byHand !== undefined || (occurrence?.tick && occurrence.missed) !== undefined;
    const retryFor = scheduled && !isOnce ? retryOf(policy.options, policy.role, occurrence) : 0;
    const options: MethodRunOptions = { ...policy.runOptions, ...intended.options, retryFor };
    let begun = false;
    const work = (): unknown => {
      begun = true;
      intended.begins?.();
      // Methods that this one calls are part of this run.
      return outsideFiring(call.proceed);
    };
    const asked = this.#asks(name, policy, occurrence);
    let outcome: Outcome<unknown> | undefined;
    try {
      outcome = await this.#run(name, work, options);
    } catch (error) {
      // The work may have waited for another lock, whose error this is.
      if (begun || !(error instanceof LockTimeoutError)) throw error;
      return this.#timedOut(name, error, policy, work);
    } finally {
      intended.ends?.(outcome);
    }
    if (outcome.status !== 'skipped') return outcome.value;
    asked?.(outcome);
    if (isOnce) return undefined;
    this.#tellIfLost(name, outcome, policy, occurrence);
    return this.#skipped(name, outcome, policy, work);
  }

  /**
   * Once for each job in an outage: a job of every second would fill the log. Not for intervals, which are called again
   * soon.
   */
  #tellIfLost(name: string, skipped: Skipped, policy: MethodPolicy, occurrence?: Occurrence): void {
    const { role, options } = policy;
    const runs = options.whenUnavailable === 'run' && skipped.reason !== 'shutting-down';
    if (!('error' in skipped) || runs || role.kind === 'start hook') return;
    if (!occurrence || occurrence.gap !== undefined) return;
    const claim = claimOf(occurrence);
    const message = messages.runLost(name, describeClaim(claim), skipped.reason === 'shutting-down');
    this.#outages.warnOnce(message, `${name} ${claim.job}`);
  }

  /**
   * Notes that this replica asks for a tick, so that it does not look for it as a missed one. Returns a function to
   * call with the outcome if the tick was skipped.
   */
  #asks(
    name: string,
    { job, options }: MethodPolicy,
    occurrence: Occurrence | undefined,
  ): ((skipped: Skipped) => void) | undefined {
    const tick = occurrence?.tick;
    if (!tick || !options.missed || (occurrence.job ?? '') !== job) return undefined;
    const work = workOf(name, job);
    this.#asked.asks(work, tick);
    return ({ reason }) => {
      if (reason === 'store-unavailable' || reason === 'paused') this.#asked.staysOpen(work, tick);
    };
  }

  #policyOf(call: DecoratedCall): MethodPolicy {
    const { host, wrapper } = call;
    let ofClasses = this.#policies.get(wrapper);
    if (!ofClasses) this.#policies.set(wrapper, (ofClasses = new WeakMap()));
    const prototype: object = Object.getPrototypeOf(host);
    let policy = ofClasses.get(prototype);
    if (!policy) ofClasses.set(prototype, (policy = policyOf(prototype, call)));
    return policy;
  }

  /** Undefined if this process must not run the call. */
  async #intended(name: string, { job, role, options }: MethodPolicy): Promise<IntendedRun | undefined> {
    // Inside work that holds the lock, such as an overriding hook that calls super, the call is part of that run.
    if (this.#locks.holds(name)) return { options: {} };
    return this.#occurrences.of({ name, job, role, options });
  }

  /** Resolves as soon as a stream can be read. The lock is held until the stream ends. */
  #run(name: string, work: () => unknown, options: MethodRunOptions): Promise<Outcome<unknown>> {
    return new Promise((resolve, reject) => {
      const untilEnded = async (): Promise<unknown> => {
        const value = await work();
        const stream = openStream(value);
        if (!stream) return value;
        resolve({ status: 'ran', value: stream.value });
        return stream.ended;
      };
      this.#service.run(name, untilEnded, options).then(resolve, reject);
    });
  }

  #skipped(name: string, skipped: Skipped, policy: MethodPolicy, work: () => unknown): unknown {
    const { whenBusy = 'skip' } = policy.options;
    const { whenUnavailable = whenBusy === 'throw' ? 'throw' : 'skip' } = policy.options;
    switch (skipped.reason) {
      case 'busy':
        if (whenBusy === 'throw')
          throw new LockBusyError(messages.busy(name, skipped.holder.replica), skipped.holder);
        return undefined;
      case 'shutting-down':
        // A caller that waits or catches counts on a run, and an application must not start without what its hook
        // prepares.
        if (whenBusy !== 'skip' || policy.role.kind === 'start hook')
          throw new LockShuttingDownError(messages.shuttingDown(name));
        return undefined;
      case 'store-unavailable':
        return this.#unavailable(name, whenUnavailable, skipped.error, policy, work);
      case 'done':
      case 'early':
      case 'paused':
        return undefined;
    }
  }

  #timedOut(name: string, error: LockTimeoutError, policy: MethodPolicy, work: () => unknown): unknown {
    const { whenTimedOut, whenUnavailable = 'throw' } = policy.options;
    if (policy.role.kind === 'start hook') {
      const message = messages.standbyOver(policy.method, error.message);
      const { holder, cause } = error;
      if (whenTimedOut !== 'continue') throw new LockTimeoutError(message, { holder, cause });
      this.#logger.warn(`${message} ${messages.startGoesOn()}`);
      return undefined;
    }
    if (error.cause === undefined) throw error;
    return this.#unavailable(name, whenUnavailable, error, policy, work);
  }

  #unavailable(
    name: string,
    what: 'skip' | 'throw' | 'run',
    error: LockError,
    { method }: MethodPolicy,
    work: () => unknown,
  ): unknown {
    switch (what) {
      case 'skip':
        return undefined;
      case 'throw':
        throw error;
      case 'run':
        this.#outages.warnOnce(messages.runsUnlocked(method, name));
        return work();
    }
  }
}
