import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { cpu, inPlace, measureRounds, observe } from '../support/steady-load.mjs';

const LEASES = 10_000;
const AT_ONCE = 250;
/** A whole number of renewals for those that renew every 8 s, too: else they are counted in part. */
const SECONDS = 40;

/** A minute a package: more would tell no more of what comes by timers. */
export const mostRounds = 2;

export const title = '10,000 leases held';
export const about = `One process holds and renews ${LEASES} locks with a TTL of 10 s, for ${SECONDS} s. ${inPlace}`;

export async function client(open) {
  const locks = await open();
  return {
    async hold() {
      for (let i = 0; i < LEASES; i += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, j) => locks.hold(`lease-${i + j}`)));
      }
    },
    cpu,
  };
}

export const measure = (run) => measureRounds(run, oneRound, { 'leases lost': sumOfLost });

const sumOfLost = (all) => String(all.reduce((sum, { lost }) => sum + lost, 0));

async function oneRound(name, port, redis) {
  const process = await ClientProcess.start('leases', name, port);
  await process.call('hold');
  // Until the first renewals are under way: leases that were taken together are renewed together at first.
  await sleep(10_000);
  const load = await observe(process, SECONDS, port, redis);
  const lost = LEASES - (await countLocks(redis));
  await process.stop();
  return { ...load, lost };
}

/** Locks are strings; the library keeps a hash beside each. */
async function countLocks(redis) {
  let count = 0;
  for await (const keys of redis.scanStream({ match: '*lease-*', type: 'string', count: 1000 })) {
    count += new Set(keys).size;
  }
  return count;
}
