import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { ELECTION_OPTIONS, checkElectionOptions, type ElectionOptions } from '../core/election.js';
import type { Lease } from '../core/lease.js';
import { checkName } from '../core/lock-name.js';
import { injectRunner } from './runner-property.js';

/** A provider with `@LeaderElection` that acts when this replica starts leading. */
export interface OnLeadershipAcquired {
  /**
   * Called when this replica leads, with the lease of the term. The replica leads for as long as the lease is held and
   * the application runs, even after this method has returned. It steps down if this method throws or rejects, or at
   * `lease.release()`.
   *
   * If this method returns a promise, another replica leads only when the promise has settled, unless the lease was
   * lost. So end the work when `lease.signal` aborts.
   */
  onLeadershipAcquired(lease: Lease): unknown;
}

/** A provider with `@LeaderElection` that acts when this replica stops leading. */
export interface OnLeadershipLost {
  /**
   * Called when the term ends, with the lease of the term. `lease.signal.reason` says why: a `LockLostError` if the
   * lease was lost, a `LockShuttingDownError` if the application shuts down, an `AbortError` if this replica has
   * stepped down. Unless the lease was lost, another replica leads only when the promise that this method returns has
   * settled.
   */
  onLeadershipLost(lease: Lease): unknown;
}

/** Options of {@link LeaderElection}. */
export interface LeaderElectionOptions extends ElectionOptions {
  /**
   * Whether other providers of the application may take part in the same election. Each of them must set this, with the
   * same options. Then they lead together: the methods of all of them are called in each term.
   *
   * @default false: the app refuses to start if two providers have one election
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

/** A decorator of classes that checks for the methods. It extends `ClassDecorator` for `applyDecorators`. */
export interface LeaderElectionDecorator extends ClassDecorator {
  /** Returns nothing. If the class does not fit, the return type is one that TypeScript refuses for a decorator. */
  <T extends abstract new (...args: never[]) => object>(
    target: T,
  ): T extends Participant
    ? void
    : { readonly error: 'the class has neither onLeadershipAcquired nor onLeadershipLost' };
}

/**
 * Makes a provider take part in an election, and calls it when this replica starts and stops leading. It stands for
 * election from the end of the application's start until its shutdown. By hand: `locks.elect(name).whileLeader(work)`.
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
    // Kept on the prototype: if another decorator derives a class from this one, its prototype chain contains it.
    const prototype = target.prototype as object;
    injectRunner(prototype);
    const value: DecoratedElection = { name, options };
    Object.defineProperty(prototype, ELECTION, { value, configurable: true });
  };
}

/** The election of a class, or of a class that it extends. */
export function electionOf(prototype: unknown): DecoratedElection | undefined {
  return (prototype as { [ELECTION]?: DecoratedElection } | null | undefined)?.[ELECTION];
}
