/** A member of a bag. It can be in one bag at a time. */
export interface BagMember {
  /** Its index in the bag; -1 while it is in none. Only the bag may change it. */
  bagIndex: number;
}

/**
 * An unordered collection whose members come and go all the time. A Set or Map would replace its table again and again,
 * even if its size stays the same, and V8 links each replaced table to the next. Once one of these tables is in the old
 * generation, all later ones, and the members that they refer to, stay until a full garbage collection.
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

  /** Does nothing if it is not a member. */
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

  /** A copy, so that members may come and go during an iteration. */
  all(): T[] {
    return this.#members.slice();
  }
}
