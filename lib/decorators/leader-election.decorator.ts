import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { ELECTION_OPTIONS, checkElectionOptions, type ElectionOptions } from '../core/election.js';
import type { Lease } from '../core/lease.js';
import { checkName } from '../core/lock-name.js';
import { injectRunner } from './runner-property.js';

/** What a provider with `@LeaderElection` does when this replica begins to lead. */
export interface OnLeadershipAcquired {
  /**
   * Is called when this replica leads, with the lease of the term. The replica leads for as long as the lease is held and
   * the application runs, also when this method has returned. If it throws or rejects, the replica steps down; it does so
   * too at `lease.release()`.
   *
   * If it returns a promise, another replica leads only when that has settled, unless the lease was lost: let it end when
   * `lease.signal` aborts.
   */
  onLeadershipAcquired(lease: Lease): unknown;
}

/** What a provider with `@LeaderElection` does when this replica ceases to lead. */
export interface OnLeadershipLost {
  /**
   * Is called when the term ends, with the lease of the term. `lease.signal.reason` says why: a `LockLostError` if the
   * lease was lost, a `LockShuttingDownError` if the application ends, an `AbortError` if this replica has stepped down.
   * Unless the lease was lost, another replica leads only when the promise that this method returns has settled.
   */
  onLeadershipLost(lease: Lease): unknown;
}

/** Options of {@link LeaderElection}. */
export interface LeaderElectionOptions extends ElectionOptions {
  /**
   * Whether other providers of the application may take part in the same election; all of them must say so, with the same
   * options. Then they lead together: the methods of all are called in each term.
   *
   * @default false: two providers with one election end the start
   */
  readonly shared?: boolean | undefined;
}

/** One use of `@LeaderElection`. */
export interface DecoratedElection {
  readonly name: string;
  readonly options: LeaderElectionOptions;
}

const OPTIONS: KnownOptions<LeaderElectionOptions> = { ...ELECTION_OPTIONS, shared: true };

// Registered globally: the ESM and the CJS build may both be loaded.
const ELECTION = Symbol.for('nestjs-exclusive-lock/leader-election');

/** A class with at least one of the methods. */
type Participant = abstract new (...args: never[]) => OnLeadershipAcquired | OnLeadershipLost;

/** A decorator of classes that checks for the methods. What it has of `ClassDecorator` is for `applyDecorators`. */
export interface LeaderElectionDecorator extends ClassDecorator {
  /** Returns nothing; where the class does not fit, its type is one that TypeScript refuses of a decorator. */
  <T extends abstract new (...args: never[]) => object>(
    target: T,
  ): T extends Participant
    ? void
    : { readonly error: 'the class has neither onLeadershipAcquired nor onLeadershipLost' };
}

/**
 * Has a provider take part in an election: it is told when this replica begins and ceases to lead. It stands for election
 * when the application has started, and until it shuts down. The same by hand: `locks.elect(name).whileLeader(work)`.
 *
 * @param name the name of the election, and of its lock
 * @throws LockConfigurationError for a bad name or option
 * @example
 * \@Injectable()
 * \@LeaderElection('feed')
 * export class Feed implements OnLeadershipAcquired {
 *   async onLeadershipAcquired({ signal, fencingToken }: Lease) {
 *     for await (const change of this.source.changes({ signal })) await this.store(change, fencingToken);
 *   }
 * }
 */
export function LeaderElection(name: string, options: LeaderElectionOptions = {}): LeaderElectionDecorator {
  checkName(name, 'The name of @LeaderElection');
  const decorator = `@LeaderElection(${JSON.stringify(name)})`;
  checkOptions(options, OPTIONS, decorator);
  checkElectionOptions(options);
  const { shared } = options;
  if (shared !== undefined && typeof shared !== 'boolean') refuse('shared', 'true or false', shared);

  return (target: unknown, key?: unknown): void => {
    if (typeof target !== 'function' || key !== undefined)
      throw new LockConfigurationError(messages.electionOffClass(decorator, String(key)));
    // On the prototype, which a class that another decorator derives from this one has in its chain.
    const prototype = target.prototype as object;
    injectRunner(prototype);
    const value: DecoratedElection = { name, options };
    Object.defineProperty(prototype, ELECTION, { value, configurable: true });
  };
}

/** The election of a class, or of the one that it extends. */
export function electionOf(prototype: unknown): DecoratedElection | undefined {
  return (prototype as { [ELECTION]?: DecoratedElection } | null | undefined)?.[ELECTION];
}
