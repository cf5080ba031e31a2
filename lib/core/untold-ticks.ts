import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { AcquireReply, TickClaim } from '../stores/lock-store.js';
import type { LockEvents } from './lock-events.js';
import { describeClaim } from './occurrence.js';
import type { Wanted } from './wanted.js';

/** A job of every second that did not run for a day has 86,400 ticks. To count them all would block the event loop. */
const MOST_COUNTED = 100;

/** The wanted lock, and the schedule of the job. */
type Schedule = Pick<Wanted, 'name' | 'following'>;

/** Tells of ticks that were granted to nobody. The store tells one replica of each, once: see `AcquireReply.idleSince`. */
export class UntoldTicks {
  readonly #events: LockEvents;
  readonly #logger: LockLogger;

  constructor(events: LockEvents, logger: LockLogger) {
    this.#events = events;
    this.#logger = logger;
  }

  /** The tick was granted. */
  granted(schedule: Schedule, claim: TickClaim, { idleSince }: Pick<AcquireReply, 'idleSince'>): void {
    this.#tellBefore(schedule, claim, idleSince);
  }

  /** The tick was not granted, and may be one that nobody will run. */
  refused(schedule: Schedule, claim: TickClaim, reply: AcquireReply): void {
    const { idleSince } = reply;
    if (reply.status === 'done' && reply.isMissed) this.#tellWith(schedule, claim, idleSince);
    // Those that came due during the pause were not wanted.
    if (reply.status === 'paused')
      this.#tellBefore(schedule, { ...claim, time: Math.min(claim.time, reply.pause.since) }, idleSince);
  }

  #tellBefore({ name, following }: Schedule, claim: TickClaim, idleSince: number | undefined): void {
    const { first, count } = ticksBetween(idleSince, claim.time, following);
    if (first === undefined) return;
    const missed = { ...claim, time: first };
    const message =
      count === 1
        ? messages.missed(name, describeClaim(missed))
        : messages.missedInARow(name, describeClaim(missed), atMost(count), claim.time);
    this.#tell(name, missed, count, message);
  }

  /** The tick is too late, and so are those before it. */
  #tellWith({ name, following }: Schedule, claim: TickClaim, idleSince: number | undefined): void {
    const { first = claim.time, count } = ticksBetween(idleSince, claim.time, following);
    const message = messages.missedTooLong(
      name,
      describeClaim(claim),
      claim.missed?.within,
      count > 0 ? atMost(count) : undefined,
    );
    this.#tell(name, { ...claim, time: first }, Math.min(count + 1, MOST_COUNTED), message);
  }

  #tell(name: string, first: TickClaim, count: number, message: string): void {
    const { job, time } = first;
    this.#logger.warn(message);
    this.#events.emit(() => ({
      type: 'missed',
      name,
      occurrence: describeClaim(first),
      job,
      tick: new Date(time),
      count,
    }));
  }
}

/** The first tick after one moment and before another, both milliseconds since the epoch, and how many there are. */
function ticksBetween(
  after: number | undefined,
  before: number,
  following: Schedule['following'],
): { readonly first?: number; readonly count: number } {
  let first: number | undefined;
  let count = 0;
  let last = after;
  while (last !== undefined && count < MOST_COUNTED) {
    const next = following?.(new Date(last))?.getTime() ?? Infinity;
    // A tick that is not later comes from a wrong function, which must not hold up the process.
    if (next >= before || !(next > last)) break;
    first ??= next;
    last = next;
    count++;
  }
  return first === undefined ? { count } : { first, count };
}

function atMost(count: number): string {
  return count < MOST_COUNTED ? String(count) : `${count} or more`;
}
