import { hash } from 'node:crypto';
import type { Claim } from '../lock-store.js';

/** Fits into a column of 255 characters and most other limits of a key. */
const LONGEST = 250;

/** The keys of a lock in a basic store. */
export class BasicKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  lock(name: string): string {
    return this.#key('lock', name);
  }

  /** The key of a claim, which its run or the memory of its run occupies. Each tick has a key of its own. */
  mark(name: string, claim: Claim): string {
    return this.#key(claim.kind, name, claim.job, ...(claim.kind === 'tick' ? [claim.time] : []));
  }

  /** The key of one attempt of a tick with `rerun`. */
  attempt(mark: string, number: number): string {
    return this.#key('attempt', mark, number);
  }

  /** Differs if any part differs: JSON keeps the parts apart. */
  #key(...parts: readonly (string | number)[]): string {
    const text = JSON.stringify(parts);
    const key = `${this.#prefix}:${text}`;
    return key.length <= LONGEST ? key : `${this.#prefix}:${hash('sha256', text)}`;
  }
}
