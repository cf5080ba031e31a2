import type { Observable } from 'rxjs';
import { messages } from './common/messages.js';
import { Election, type ElectionOptions, type ElectionParts } from './core/election.js';
import type { LeadershipEvent } from './core/lock-events.js';
import { GuardedObservable } from './guarded-observable.js';

/** An {@link Election} of an application with Nest, which has rxjs. */
export class ObservableElection extends Election {
  /**
   * Emits when this replica starts or stops leading. If a subscriber throws, the error is logged and affects nothing
   * else.
   *
   * @example
   * election.changes$.pipe(filter(({ type }) => type === 'termEnded')).subscribe(({ name }) => alarm(name));
   */
  readonly changes$: Observable<LeadershipEvent>;

  constructor(name: string, options: ElectionOptions, parts: ElectionParts) {
    super(name, options, parts);
    this.changes$ = new GuardedObservable<LeadershipEvent>(
      (subscriber) => this.listen((change) => subscriber.next(change)),
      (error) => parts.logger.error(messages.leadershipListenerThrew(name, error)),
    );
  }
}
