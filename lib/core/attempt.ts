import type { Clock } from '../common/clock.js';
import type { LockStoreError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { Pause } from '../common/pause.js';
import type { Turn } from '../stores/lock-store.js';
import type { LocalLines, LocalPlace } from './local-lines.js';
import { Waiting, type InLine } from './waiting.js';

interface AttemptParts {
  readonly name: string;
  /** Milliseconds to wait for others. */
  readonly wait: number;
  /** Ends the wait. */
  readonly signal: AbortSignal | undefined;
  /** Aborts when the shutdown refuses it. */
  readonly refusal: AbortSignal;
  readonly clock: Clock;
}

/** What belongs to one acquisition from its beginning to its end. */
export class Attempt {
  readonly since: number;
  readonly waiting: Waiting;
  readonly refusal: AbortSignal;
  /** Among those of this process who wait for the lock; undefined where it does not wait in line. */
  place: LocalPlace | undefined;
  /** Under which the store may know it; changed when the store was told to forget that. */
  record: string | undefined;
  /** Whether the store may have put it in line. */
  mayBeInLine = false;
  /** Its place there, by the last answer. */
  inLine: InLine | undefined;
  /** What the store has told since then. */
  turn: Turn | undefined;
  /** Why the store is still to be told that a question is void: until then it may take the run for one that was begun. */
  undoing: LockStoreError | undefined;
  /** Ends that it is told when it may be its turn; undefined until it is the first of this process. */
  unwatch: (() => void) | undefined;
  /** Whether it had to wait for another holder. */
  waited = false;
  /** Who was seen holding the lock last. */
  holder: Holder | undefined;

  readonly #parts: AttemptParts;
  #pause: Pause | undefined;

  constructor(parts: AttemptParts) {
    const { name, wait, clock, refusal } = parts;
    this.#parts = parts;
    this.since = clock.now();
    this.refusal = refusal;
    this.waiting = new Waiting(name, wait, this.since, clock);
  }

  /** Made when first needed: most acquisitions are answered at once. */
  get pause(): Pause {
    const { clock, refusal, signal } = this.#parts;
    this.#pause ??= new Pause(clock, { signals: signal ? [refusal, signal] : [refusal] });
    return this.#pause;
  }

  /** Waits behind those of this process who came before. */
  standIn(lines: LocalLines): void {
    this.place = lines.enter(this.#parts.name, this.pause);
  }

  /** Its record was undone, or names a run that it is not for any more. */
  forget(): void {
    this.record = undefined;
    this.mayBeInLine = false;
  }
}
