import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { Ledger } from './ledger.js';

/** Decides by a row. It is called again each time that others were faster to write the row. */
export type Decide<R> = (ledger: Ledger) => R;

/** What was decided. */
export interface Decided<R> {
  readonly reply: R;
  /** Whether an earlier attempt may have been written, although its reply was lost. */
  readonly retried: boolean;
}

/** A decision that is wanted. */
export class Task {
  readonly key: string;
  readonly decide: Decide<unknown>;
  /** When its caller gives up, on the clock of `performance`. */
  readonly at: number;
  readonly settled: Promise<Decided<unknown>>;
  /** How often others were faster to write. */
  overtaken = 0;
  /** Whether something may have been written for it before. */
  #mayHaveRun: boolean;
  #isAsking = false;
  #failure: unknown;
  #isOver = false;
  #resolve!: (decided: Decided<unknown>) => void;
  #reject!: (error: LockStoreError) => void;

  constructor(key: string, decide: Decide<unknown>, at: number, mayHaveRun: boolean) {
    this.key = key;
    this.decide = decide;
    this.at = at;
    this.#mayHaveRun = mayHaveRun;
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether its caller has its reply, or has given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** From now on nobody knows whether something is written for it, until the table says so. */
  asks(): void {
    this.#isAsking = true;
  }

  /** The table has not written. */
  wasNotWritten(): void {
    this.#isAsking = false;
  }

  /**
   * The attempt has failed; another may follow.
   *
   * @param isCutShort whether it failed because the time is over: then what went wrong before says more
   */
  failed(error: unknown, isCutShort: boolean): void {
    if (!isCutShort || (this.overtaken === 0 && this.#failure === undefined)) this.#failure = error;
    const surelyNot = error instanceof LockStoreError && !error.mayHaveRun;
    this.#mayHaveRun ||= this.#isAsking && !surelyNot;
    this.#isAsking = false;
  }

  resolve(reply: unknown): void {
    this.#isOver = true;
    this.#resolve({ reply, retried: this.#mayHaveRun });
  }

  /** `cause`: unless an attempt has failed, which says more. */
  giveUp(description: string, cause: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reject(storeError(description, this.#failure ?? cause, this.#mayHaveRun || this.#isAsking));
  }
}

/** What a table has thrown, as the error of a call. */
export function storeError(description: string, thrown: unknown, mayHaveRun: boolean): LockStoreError {
  if (!(thrown instanceof LockStoreError))
    return new LockStoreError(messages.storeThrew(description, thrown), { cause: thrown, mayHaveRun });
  const { message, cause, refused, permanent } = thrown;
  return new LockStoreError(message, { cause, mayHaveRun, refused, permanent });
}
