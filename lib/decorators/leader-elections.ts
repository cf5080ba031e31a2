import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { LockConfigurationError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { runOutside } from '../common/outside.js';
import { whenAborted } from '../common/pause.js';
import type { ElectionOptions } from '../core/election.js';
import { LockManager } from '../core/lock-manager.js';
import type { Term } from '../core/term.js';
import type { ResolvedSettings } from '../exclusive-lock.options.js';
import { LOCK_MANAGER, LOCK_SETTINGS } from '../tokens.js';
import {
  electionOf,
  type LeaderElectionOptions,
  type OnLeadershipAcquired,
  type OnLeadershipLost,
} from './leader-election.decorator.js';
import type { ProvidedClass } from './method-checks.js';

type Hooks = Partial<OnLeadershipAcquired & OnLeadershipLost>;

/** One provider with `@LeaderElection`. */
interface Participant {
  readonly host: Hooks;
  readonly options: LeaderElectionOptions;
  /** For messages. */
  readonly shown: string;
}

/** Makes the providers with `@LeaderElection` stand for election, and calls them when they lead. */
@Injectable()
export class LeaderElections {
  readonly #locks: LockManager;
  readonly #logger: LockLogger;
  readonly #participants = new Map<string, Participant[]>();

  constructor(@Inject(LOCK_MANAGER) locks: LockManager, @Inject(LOCK_SETTINGS) { logger }: ResolvedSettings) {
    this.#locks = locks;
    this.#logger = logger;
  }

  /**
   * Adds a provider, if it has `@LeaderElection`.
   *
   * @throws LockConfigurationError
   */
  add({ prototype, scope, module }: ProvidedClass, instance: unknown): void {
    const election = electionOf(prototype);
    if (!election) return;
    const { name, options } = election;
    const shown = `${(prototype as object).constructor.name} (in ${module})`;
    if (scope !== 'singleton') refuse(messages.electionNotStatic(name, shown, scope));
    const host = instance as Hooks;
    if (typeof host.onLeadershipAcquired !== 'function' && typeof host.onLeadershipLost !== 'function')
      refuse(messages.electionWithoutHooks(name, shown));
    const others = this.#participants.get(name) ?? [];
    // One object may be provided under several tokens.
    if (others.some((other) => other.host === host)) return;
    checkTogether(name, { host, options, shown }, others);
    this.#participants.set(name, [...others, { host, options, shown }]);
  }

  /**
   * Refuses lock names of methods that are also elections: such a method would never run while a replica leads.
   *
   * @param lockedBy returns the method that has a lock of that name
   * @throws LockConfigurationError
   */
  checkNames(lockedBy: (name: string) => string | undefined): void {
    for (const [name, [participant]] of this.#participants) {
      const method = lockedBy(name);
      if (method) refuse(messages.electionAndMethod(name, participant.shown, method));
    }
  }

  /** Makes all of them stand for election until the shutdown. */
  campaign(): void {
    for (const [name, participants] of this.#participants) {
      const { ttl, renewEvery, contents } = participants[0].options;
      const options: ElectionOptions = { ttl, renewEvery, contents };
      const work = (term: Term): Promise<void> => this.#lead(term, participants);
      void runOutside(() => this.#locks.elections.campaign({ name, work, options }));
    }
  }

  /** Resolves when the term and the work of its participants have ended. */
  async #lead(term: Term, participants: readonly Participant[]): Promise<void> {
    const over = new Promise<void>((resolve) => whenAborted(term.signal, resolve));
    const acquired = participants.map(async ({ host }) => host.onLeadershipAcquired?.(term));
    for (const hook of acquired) hook.catch((error: unknown) => term.end('failed', undefined, error));
    await over;
    // The second hook of a participant may end what its first hook awaits.
    await Promise.all(participants.map((participant) => this.#tellLost(term, participant)));
    for (const { reason } of (await Promise.allSettled(acquired)).filter(isRejected)) throw reason;
  }

  async #tellLost(term: Term, { host, shown }: Participant): Promise<void> {
    try {
      await host.onLeadershipLost?.(term);
    } catch (error) {
      this.#logger.error(messages.leadershipLostFailed(term.name, shown, error));
    }
  }
}

/** @throws LockConfigurationError if they cannot take part in one election */
function checkTogether(name: string, one: Participant, others: readonly Participant[]): void {
  const other = one.options.shared ? others.find(({ options }) => !options.shared) : others[0];
  if (other) refuse(messages.oneElectionForTwo(name, other.shown, one.shown));
  const unlike = others.find(({ options }) => !isDeepStrictEqual(options, one.options));
  if (unlike) refuse(messages.electionOptionsDiffer(name, unlike.shown, one.shown));
}

function isRejected(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected';
}

function refuse(message: string): never {
  throw new LockConfigurationError(message);
}
