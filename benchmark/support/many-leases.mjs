import { note, sumOf } from './columns.mjs';

const AT_ONCE = 250;

/**
 * The client part. `hold` takes so many locks, whose leases are renewed from then on; `countFree`, for another process,
 * tells how many of them can be had.
 */
export function manyLeases(locks, count) {
  const leases = Array.from({ length: count });
  const forEach = async (work) => {
    for (let i = 0; i < count; i += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, j) => work(i + j)));
    }
  };
  return {
    hold: () =>
      forEach(async (i) => {
        leases[i] = await locks.hold(`lease-${i}`);
      }),
    async countFree() {
      let free = 0;
      await forEach(async (i) => {
        if (await locks.attempt(`lease-${i}`)) free++;
      });
      return free;
    },
  };
}

/** A round has counted the `lost`. */
export const leasesLost = note('leases lost', (rounds) => String(sumOf(rounds, 'lost')));
