import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { ElectionOptions } from './core/election.js';
import type { LockEvent } from './core/lock-events.js';
import type { LocalJobs } from './core/local-jobs.js';
import { LockManager } from './core/lock-manager.js';
import { messages } from './common/messages.js';
import type { ResolvedSettings } from './exclusive-lock.options.js';
import { GuardedObservable } from './guarded-observable.js';
import { Locks } from './locks/locks.js';
import { ObservableElection } from './observable-election.js';
import { LOCAL_JOBS, LOCK_MANAGER, LOCK_SETTINGS } from './tokens.js';

/**
 * Locks for code that `@Exclusive` does not fit. Inject it anywhere in an application that imports the module. It
 * closes together with the application.
 *
 * @example
 * constructor(private readonly locks: ExclusiveLockService) {}
 */
@Injectable()
export class ExclusiveLockService extends Locks {
  /**
   * Emits what happens to the locks in this replica; docs/events.md lists the events. If a subscriber throws, the error
   * is logged and affects nothing else. Each event is also published on the channel `nestjs-exclusive-lock` of
   * `node:diagnostics_channel`.
   *
   * @example
   * locks.events$.pipe(filter(({ type }) => type === 'lost')).subscribe(({ name }) => alarm(name));
   */
  readonly events$: Observable<LockEvent>;
  readonly #locks: LockManager;
  readonly #settings: ResolvedSettings;

  constructor(
    @Inject(LOCK_MANAGER) locks: LockManager,
    @Inject(LOCK_SETTINGS) settings: ResolvedSettings,
    @Optional() @Inject(LOCAL_JOBS) jobs?: LocalJobs,
  ) {
    super(locks, settings, jobs);
    this.#locks = locks;
    this.#settings = settings;
    const { logger } = settings;
    this.events$ = new GuardedObservable<LockEvent>(
      (subscriber) => locks.events.listen((event) => subscriber.next(event)),
      (error) => logger.error(messages.subscriberThrew(error)),
    );
  }

  override elect(name: string, options: ElectionOptions = {}): ObservableElection {
    const { logger } = this.#settings;
    return new ObservableElection(name, options, { locks: this.#locks, times: this.#settings, logger });
  }
}
