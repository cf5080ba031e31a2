/** The entries of replicas in an embedded store. Times are milliseconds since the epoch. */
export class ReplicaEntries {
  readonly #replicas: Map<string, ReplicaEntry>;

  constructor(replicas: Readonly<Record<string, ReplicaEntry>> = {}) {
    this.#replicas = new Map(Object.entries(replicas));
  }

  /** Stores an entry, and removes the expired ones, which nothing else does. */
  publish(replica: string, entry: string, until: number, now: number): void {
    this.#replicas.set(replica, { entry, until });
    for (const [name, known] of this.#replicas) if (known.until <= now) this.#replicas.delete(name);
  }

  at(now: number): string[] {
    return [...this.#replicas.values()].filter(({ until }) => until > now).map(({ entry }) => entry);
  }

  /** When the last of the entries expires. */
  get keptUntil(): number {
    return Math.max(0, ...[...this.#replicas.values()].map(({ until }) => until));
  }

  toJSON(): Record<string, ReplicaEntry> {
    return Object.fromEntries(this.#replicas);
  }
}

/** The entry of a replica. */
export interface ReplicaEntry {
  readonly entry: string;
  /** When it expires. */
  readonly until: number;
}
