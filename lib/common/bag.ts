/** What can be in a bag, in one at a time. */
export interface BagMember {
  /** Where the bag keeps it; -1 while it is in none. Changed by the bag only. */
  bagIndex: number;
}

/**
 * What comes and goes all the time, in no order. Not a Set or Map: these replace their table again and again, also when
 * their size stays the same, and V8 links each replaced table to the next. Once one of them is old, all after it, and what
 * they still refer to, wait for a full garbage collection.
 */
export class Bag<T extends BagMember> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  has(member: T): boolean {
    return this.#members[member.bagIndex] === member;
  }

  add(member: T): void {
    member.bagIndex = this.#members.push(member) - 1;
  }

  /** Does nothing where it is not in it. */
  remove(member: T): void {
    if (!this.has(member)) return;
    const last = this.#members.pop() as T;
    if (last !== member) {
      this.#members[member.bagIndex] = last;
      last.bagIndex = member.bagIndex;
    }
    member.bagIndex = -1;
  }

  clear(): void {
    for (const member of this.#members) member.bagIndex = -1;
    this.#members.length = 0;
  }

  /** As they are now: members may come and go while these are visited. */
  all(): T[] {
    return this.#members.slice();
  }
}
