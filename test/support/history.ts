import type { ReplicaEvent, ReplicaProcess } from './replica-process.js';

/** One lease, and from when to when its holder has certainly believed in it, on the machine's monotonic clock. */
export interface Belief {
  readonly fencingToken: number;
  readonly first: number;
  readonly last: number;
}

/** What all replicas believed, in the order in which they began to. */
export function beliefsOf(replicas: readonly ReplicaProcess[]): Belief[] {
  const beliefs = new Map<string, Belief>();
  for (const { pid, events } of replicas) {
    for (const details of events.filter(event('belief'))) {
      const [fencingToken, first, last] = [details['fencingToken'], details['first'], details['last']].map(
        Number,
      ) as [number, number, number];
      // Each event of a lease tells more of it; its beginning says which lease it is.
      beliefs.set(`${pid} ${first}`, { fencingToken, first, last });
    }
  }
  return [...beliefs.values()].toSorted((a, b) => a.first - b.first);
}

/**
 * Checks what a lock promises: no two replicas believed that they hold it at one time, each grant had a higher
 * fencing token than the one before, and nobody had an error that nothing handled.
 */
export function expectExclusion(replicas: readonly ReplicaProcess[]): void {
  const beliefs = beliefsOf(replicas);
  const violations = beliefs.filter((next, i) => {
    const before = beliefs[i - 1];
    return before && (next.first <= before.last || next.fencingToken <= before.fencingToken);
  });
  expect(violations).toEqual([]);
  expect(replicas.flatMap(({ events }) => events.filter(event('unhandled')))).toEqual([]);
}

/** Matches an event by its name and some of its details. */
export function event(
  name: string,
  details: Readonly<Record<string, unknown>> = {},
): (event: ReplicaEvent) => boolean {
  return (candidate) =>
    candidate.event === name && Object.entries(details).every(([key, value]) => candidate[key] === value);
}
