import { wallTime, type Clock } from '../common/clock.js';
import { LockStoreError, type LockLostError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { AcquireReply, Claim, OwnerReply, Turn } from '../stores/lock-store.js';
import { ClockWatch } from './clock-watch.js';
import { parseHolder } from './holder.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { HeldLease, type LeaseTerms } from './lease.js';
import type { LockEvents } from './lock-events.js';
import type { LockReturner } from './lock-returner.js';
import { describeClaim } from './occurrence.js';
import { OtherApplications } from './other-applications.js';
import type { Shutdown } from './shutdown.js';
import { LONGEST_WAIT_FOR_TICK, type AnswerDetails, type Unanswered } from './waiting.js';
import type { WatchedStore } from './watched-store.js';

/** A lock that was granted so late that less than this part of its TTL is left is given back. */
const LEAST_LEFT = 1 / 3;

/** One question to the store. All durations are milliseconds. */
export interface Question {
  readonly name: string;
  readonly record: string;
  readonly ttl: number;
  readonly renewEvery: number;
  readonly maxHold: number | undefined;
  readonly claim: Claim | undefined;
  readonly scheduled: boolean;
  /** Whether the answer may be `behind`. */
  readonly mayBeBehind: boolean;
  /** How long the caller has waited, if it wants to stand in line. */
  readonly waited: number | undefined;
  readonly logger: LockLogger | undefined;
}

export interface Acquired {
  readonly status: 'acquired';
  readonly lease: HeldLease;
  /** The store's clock at the grant; known where there is a claim. */
  readonly now: number | undefined;
}

/** The store's clock is later than the replica's, or the question was long on its way. */
export interface Behind extends AnswerDetails {
  readonly status: 'behind';
  readonly now?: number | undefined;
  readonly replicaNow: number;
}

export type Answer = Acquired | Unanswered | Behind;

/** What the granter works with. */
export interface GranterParts {
  readonly store: WatchedStore;
  readonly clock: Clock;
  readonly keeper: LeaseKeeper;
  readonly returner: LockReturner;
  readonly shutdown: Shutdown;
  readonly events: LockEvents;
  readonly application: string | undefined;
  readonly commandTimeout: number;
  readonly logger: LockLogger;
}

/** Asks the store once, and turns a grant into a lease that is kept and given back. */
export class Granter {
  readonly #parts: GranterParts;
  readonly #clockWatch: ClockWatch;
  readonly #others: OtherApplications;

  constructor(parts: GranterParts) {
    this.#parts = parts;
    this.#clockWatch = new ClockWatch(parts.logger);
    this.#others = new OtherApplications(parts.application, parts.logger);
  }

  ask(question: Question): Promise<Answer> {
    const { store, clock, commandTimeout } = this.#parts;
    const { name, record, ttl, waited, mayBeBehind } = question;
    const bound = Math.round(Math.min(commandTimeout, ttl * (1 - LEAST_LEFT)));
    const askedAt = clock.now();
    const wallBefore = wallTime(clock);
    const claim =
      mayBeBehind && question.claim?.kind === 'tick'
        ? { ...question.claim, askedAt: wallBefore }
        : question.claim;
    // Not async: one step less on the way of every call.
    return store.acquire({ name, ttl, claim, record, waited }, bound).then(
      (reply) => {
        if (claim) this.#tellOperator(name, claim, reply, wallBefore);
        return this.#answered(question, reply, askedAt);
      },
      (error: unknown) => this.#unanswered(question, error),
    );
  }

  #unanswered(question: Question, error: unknown): Unanswered {
    if (!(error instanceof LockStoreError)) throw error;
    const undone = error.mayHaveRun ? this.#parts.returner.undo(question) : undefined;
    return { status: 'skipped', reason: 'store-unavailable', error, ...(undone && { undone }) };
  }

  #answered(question: Question, reply: AcquireReply, askedAt: number): Answer {
    // Its other copy may arrive when the lock is free, and would have it for nobody.
    if (reply.repeated && reply.status !== 'granted') {
      void this.#parts.returner.undo(question);
      return { ...this.#answer(question.name, reply, askedAt), inLine: undefined, spent: true };
    }
    if (reply.status === 'granted') return this.#granted(termsOf(question, reply), askedAt, reply.now);
    return this.#answer(question.name, reply, askedAt);
  }

  #answer(name: string, reply: Refusal, askedAt: number): Unanswered | Behind {
    const { clock } = this.#parts;
    switch (reply.status) {
      case 'busy': {
        const { remaining, inLine, lastToken } = reply;
        const holder = parseHolder(reply.record);
        this.#others.observe(name, 'held', holder.application);
        const busy = { status: 'skipped', reason: 'busy', holder, remaining } as const;
        return inLine ? { ...busy, inLine: { askedAt, lastToken } } : busy;
      }
      case 'done':
        this.#others.observe(name, 'run', reply.application);
        return { status: 'skipped', reason: 'done' };
      case 'behind':
        return { ...reply, replicaNow: wallTime(clock) };
      case 'early':
        return reply;
    }
  }

  /**
   * The lease of a lock that the store has given to who stands in line: it was given after the question that was asked
   * at `askedAt`, so it is kept from then at least, and renewed at once. Undefined where too little of that is left.
   */
  takeTurn(terms: Terms, { fencingToken, keptFor }: Turn, askedAt: number): Acquired | undefined {
    if (this.#parts.clock.now() - askedAt > keptFor * (1 - LEAST_LEFT)) return undefined;
    return this.#lease({ ...termsOf(terms, { fencingToken }), keptFor }, askedAt, undefined);
  }

  #granted(terms: GrantTerms, askedAt: number, now: number | undefined): Acquired | Unanswered {
    const { clock, returner } = this.#parts;
    const { name, ttl } = terms;
    const elapsed = clock.now() - askedAt;
    if (ttl - elapsed < ttl * LEAST_LEFT) {
      const undone = returner.undo(terms);
      const error = new LockStoreError(messages.answeredTooLate(name, elapsed, ttl), { mayHaveRun: true });
      return { status: 'skipped', reason: 'store-unavailable', error, undone };
    }
    return this.#lease(terms, askedAt, now);
  }

  #lease(terms: GrantTerms, askedAt: number, now: number | undefined): Acquired {
    const { clock, keeper, shutdown } = this.#parts;
    const lease: HeldLease = new HeldLease(terms, askedAt, clock, {
      giveBack: () => this.#giveBack(lease).then(left),
      lost: (error) => this.#lost(lease, error),
      stalledFor: () => keeper.stalledFor,
    });
    keeper.keep(lease);
    const left = shutdown.entered(lease, terms.scheduled);
    return { status: 'acquired', lease, now };
  }

  #giveBack(lease: HeldLease): Promise<void> {
    const { keeper, returner } = this.#parts;
    keeper.drop(lease);
    if (lease.annulled && lease.claim) {
      // So that it can be had by others. Nobody waits for that.
      void returner.undo(lease);
      return Promise.resolve();
    }
    return returner.giveBack(lease, {
      answered: (reply, inTime) => this.#gaveBack(lease, reply, inTime),
      refused: (error) => this.#releaseRefused(lease, error),
    });
  }

  #gaveBack(lease: HeldLease, reply: OwnerReply | undefined, inTime: boolean): void {
    const { returner, events } = this.#parts;
    const { name, record, ttl, repeated } = lease;
    if (repeated) void returner.undo({ name, record, ttl });
    if (lease.annulled) return;
    // A lease that was held when it was given back was held to its end, whatever became of the lock after that; but somebody
    // else who has it at that moment has had it before.
    if (reply === 'taken' && inTime) lease.lose(reply);
    const heldToItsEnd = lease.lossReason === 'released';
    if (reply === 'held' || (reply && heldToItsEnd))
      events.emit(() => ({ type: 'released', ...lease.identity, held: lease.age }));
  }

  #releaseRefused(lease: HeldLease, error: LockStoreError): void {
    if (lease.annulled) return;
    this.#parts.events.emit(() => ({ type: 'releaseRefused', ...lease.identity, error }));
  }

  #lost(lease: HeldLease, error: LockLostError): void {
    const { logger, events } = this.#parts;
    (lease.logger ?? logger).warn(error.message);
    events.emit(() => ({ type: 'lost', ...lease.identity, error, held: lease.age }));
  }

  /** What the answer shows of clocks, and of the runs before. */
  #tellOperator(name: string, claim: Claim, reply: AcquireReply, wallBefore: number): void {
    const { logger } = this.#parts;
    if (reply.status === 'granted' && reply.futureMark !== undefined)
      logger.warn(messages.markFromFuture(name, describeClaim(claim), reply.futureMark, reply.now));
    if (reply.status === 'done' && reply.attempts !== undefined)
      logger.warn(messages.gaveUp(name, describeClaim(claim), reply.attempts));
    this.#compareClocks(name, claim, reply, wallBefore);
  }

  #compareClocks(name: string, claim: Claim, reply: AcquireReply, wallBefore: number): void {
    const wallAfter = wallTime(this.#parts.clock);
    if (reply.status === 'early' && reply.by > LONGEST_WAIT_FOR_TICK && claim.kind === 'tick')
      this.#clockWatch.tooEarly(name, reply.by, claim.time, wallAfter);
    else if (reply.now !== undefined) this.#clockWatch.observe(wallBefore, wallAfter, reply.now);
  }
}

/** Written out: to spread two objects takes longer than all else that a grant costs here. */
function termsOf(
  terms: Terms,
  { fencingToken, repeated }: Pick<Granted, 'fencingToken' | 'repeated'>,
): GrantTerms {
  const { name, record, claim, scheduled, ttl, renewEvery, maxHold, logger } = terms;
  return { name, record, fencingToken, claim, scheduled, repeated, ttl, renewEvery, maxHold, logger };
}

interface GrantTerms extends LeaseTerms {
  readonly scheduled: boolean;
}

/** What is known of a lease before it is granted. */
type Terms = Omit<GrantTerms, 'fencingToken' | 'repeated' | 'keptFor'>;
type Granted = Extract<AcquireReply, { status: 'granted' }>;
type Refusal = Exclude<AcquireReply, { status: 'granted' }>;
