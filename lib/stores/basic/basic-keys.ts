import { hash } from 'node:crypto';
import type { Claim } from '../lock-store.js';

/** Fits into a column of 255 characters, and most of what else limits a key. */
const LONGEST = 250;

/** The keys of a basic store that concern a lock. */
export class BasicKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  lock(name: string): string {
    return this.#key('lock', name);
  }

  /** Taken by the run of what is claimed, or by the memory of it. A tick has a key of its own. */
  mark(name: string, claim: Claim): string {
    return this.#key(claim.kind, name, claim.job, ...(claim.kind === 'tick' ? [claim.time] : []));
  }

  /** Taken by the attempt of a tick that may be granted again. */
  attempt(mark: string, number: number): string {
    return this.#key('attempt', mark, number);
  }

  /** Different wherever a part is: as JSON, parts cannot be taken for one another. */
  #key(...parts: readonly (string | number)[]): string {
    const text = JSON.stringify(parts);
    const key = `${this.#prefix}:${text}`;
    return key.length <= LONGEST ? key : `${this.#prefix}:${hash('sha256', text)}`;
  }
}
