/** What can be in a bag, in one at a time. */
export interface Member {
  /** Where the bag keeps it; -1 while it is in none. Changed by the bag only. */
  place: number;
}

/**
 * What comes and goes all the time, in no order. Not a `Set`: V8 links each table that a Set or Map has outgrown to the
 * next one, so that as soon as one of them is old, what was ever in the others waits for a full garbage collection.
 */
export class Bag<T extends Member> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  has(member: T): boolean {
    return this.#members[member.place] === member;
  }

  add(member: T): void {
    member.place = this.#members.push(member) - 1;
  }

  /** Does nothing where it is not in it. */
  remove(member: T): void {
    if (!this.has(member)) return;
    const last = this.#members.pop() as T;
    if (last !== member) {
      this.#members[member.place] = last;
      last.place = member.place;
    }
    member.place = -1;
  }

  clear(): void {
    for (const member of this.#members) member.place = -1;
    this.#members.length = 0;
  }

  /** Members may be removed meanwhile; those that are added meanwhile are left out. */
  forEach(visit: (member: T) => void): void {
    // Backwards: what takes the place of a removed one has been visited already.
    for (let i = this.#members.length - 1; i >= 0; i--) {
      // Several may have gone at once.
      if (i < this.#members.length) visit(this.#members[i]);
    }
  }
}
