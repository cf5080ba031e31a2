/** The replicas that an embedded store knows. Times are milliseconds since the epoch. */
export class ReplicaEntries {
  readonly #replicas: Map<string, ReplicaEntry>;

  constructor(replicas: Readonly<Record<string, ReplicaEntry>> = {}) {
    this.#replicas = new Map(Object.entries(replicas));
  }

  /** Forgets those whose time is over: nobody else does. */
  publish(replica: string, entry: string, until: number, now: number): void {
    this.#replicas.set(replica, { entry, until });
    for (const [name, known] of this.#replicas) if (known.until <= now) this.#replicas.delete(name);
  }

  at(now: number): string[] {
    return [...this.#replicas.values()].filter(({ until }) => until > now).map(({ entry }) => entry);
  }

  /** Until when the last of them is known. */
  get keptUntil(): number {
    return Math.max(0, ...[...this.#replicas.values()].map(({ until }) => until));
  }

  toJSON(): Record<string, ReplicaEntry> {
    return Object.fromEntries(this.#replicas);
  }
}

/** What a replica has said of itself. */
export interface ReplicaEntry {
  readonly entry: string;
  /** Until when it is known. */
  readonly until: number;
}
