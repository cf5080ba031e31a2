import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { leasesLost, manyLeases } from '../support/many-leases.mjs';
import { measureRounds } from '../support/rounds.mjs';
import { cpu, inPlace, loadColumns, observe } from '../support/steady-load.mjs';

const LEASES = 10_000;
/** A whole number of renewals for those that renew every 8 s, too: else they are counted in part. */
const SECONDS = 40;

/** A minute a package: more would tell no more of what comes by timers. */
export const mostRounds = 2;

export const title = '10,000 leases held';
export const about = `One process holds and renews ${LEASES} locks with a TTL of 10 s, for ${SECONDS} s. ${inPlace}`;
export const columns = [...loadColumns, leasesLost];

export async function client(open) {
  return { ...manyLeases(await open(), LEASES), cpu };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, server) {
  const process = await ClientProcess.start('leases', name, server.port);
  await process.call('hold');
  // Until the first renewals are under way: leases that were taken together are renewed together at first.
  await sleep(10_000);
  const load = await observe(process, SECONDS, server);
  const other = await ClientProcess.start('leases', name, server.port);
  const lost = await other.call('countFree');
  await Promise.all([process.stop(), other.stop()]);
  return { ...load, lost };
}
