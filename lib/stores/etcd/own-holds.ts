import { performance } from 'node:perf_hooks';
import { Deadlines, type Deadline } from '../../common/deadlines.js';

/** Milliseconds before a hold that could not be ended is ended again. */
const RETRY_DELAY = 1000;

/** A hold of this process, as it was written or read last. */
export interface OwnHold {
  readonly owner: string;
  /** Milliseconds. */
  readonly ttl: number;
  /** What it is attached to. */
  readonly process: string;
}

/** Ends the hold of an owner that has not renewed it. */
export type EndOverdue = (key: string, owner: string) => Promise<unknown>;

interface Kept<H> {
  readonly hold: H;
  readonly deadline: Deadline;
}

/**
 * The holds of this process, with what the store knows of each. In an engine whose holds live as long as their process,
 * only the process itself can end one whose owner does not renew it.
 */
export class OwnHolds<H extends OwnHold> {
  readonly #holds = new Map<string, Kept<H>>();
  readonly #deadlines = new Deadlines(performance);
  #endOverdue: EndOverdue | undefined;

  get(key: string): H | undefined {
    return this.#holds.get(key)?.hold;
  }

  /** Notes a hold that lasts for its TTL from now on. */
  set(key: string, hold: H): void {
    this.#keep(key, hold, hold.ttl);
  }

  /** Notes what else has become known of a hold, whose time does not change. */
  update(key: string, hold: H): void {
    const known = this.#holds.get(key);
    if (known) this.#holds.set(key, { ...known, hold });
  }

  delete(key: string): void {
    const known = this.#holds.get(key);
    if (!known) return;
    this.#deadlines.cancel(known.deadline);
    this.#holds.delete(key);
  }

  /** Has each hold ended whose time is over. */
  onOverdue(end: EndOverdue): void {
    this.#endOverdue = end;
  }

  close(): void {
    for (const key of this.#holds.keys()) this.delete(key);
    this.#deadlines.rest();
  }

  #keep(key: string, hold: H, ms: number): void {
    this.delete(key);
    const deadline = this.#deadlines.add(performance.now() + ms, () => void this.#end(key));
    this.#holds.set(key, { hold, deadline });
  }

  async #end(key: string): Promise<void> {
    const overdue = this.#holds.get(key)!;
    const isSame = (): boolean => this.#holds.get(key)?.deadline === overdue.deadline;
    try {
      await this.#endOverdue?.(key, overdue.hold.owner);
      if (isSame()) this.delete(key);
    } catch {
      // The engine is away. Unless it is renewed meanwhile, it must not stay held for as long as this process lives.
      if (isSame()) this.#keep(key, overdue.hold, RETRY_DELAY);
    }
  }
}
