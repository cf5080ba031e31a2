/** One period of leadership. Times are milliseconds on the clock of the machine. */
export interface Term {
  readonly replica: number;
  readonly fencingToken: number;
  readonly began: number;
  /** When its replica was last known to lead. */
  last: number;
  readonly consumed: number[];
}

/** What the replicas have told of their terms, in the order in which they began. */
export class Terms {
  readonly #terms: Term[] = [];

  begin(replica: number, fencingToken: number, at: number): void {
    this.#terms.push({ replica, fencingToken, began: at, last: at, consumed: [] });
    this.#terms.sort((a, b) => a.began - b.began);
  }

  /** Its replica consumed an item, or stepped down. */
  went(fencingToken: number, at: number, consumed: boolean): void {
    const term = this.#terms.find((each) => each.fencingToken === fencingToken);
    if (!term) return;
    term.last = at;
    if (consumed) term.consumed.push(at);
  }

  get count(): number {
    return this.#terms.length;
  }

  get leader(): number | undefined {
    return this.#terms.at(-1)?.replica;
  }

  /** How many items a replica consumed in that time. */
  consumed(replica: number, from: number, to: number): number {
    const moments = this.#terms.filter((term) => term.replica === replica).flatMap((term) => term.consumed);
    return moments.filter((at) => at >= from && at < to).length;
  }

  /** Milliseconds without a leader before each term but the first; less than 0: two replicas led. */
  get gaps(): number[] {
    return this.#terms.slice(1).map(({ began }, i) => began - this.#terms[i].last);
  }

  /** Whether each term had a higher fencing token than the one before. */
  get tokensRise(): boolean {
    return this.#terms.slice(1).every(({ fencingToken }, i) => fencingToken > this.#terms[i].fencingToken);
  }
}
