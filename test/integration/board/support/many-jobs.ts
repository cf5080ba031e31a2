import type { TickClaim } from '../../../../lib/stores/lock-store.js';
import { openStore, tokenOf, WITHIN } from '../../redis/support/redis-stores.js';

export interface ManyJobs {
  readonly jobs: number;
  /** How many of them run still. @default 100 */
  readonly running?: number;
  /** The replicas that have all of them. @default 1 */
  readonly replicas?: number;
  /** How often each has run. @default 1 */
  readonly runs?: number;
}

/** Jobs of other replicas, called `other-0`, `other-1` and so on, with their runs. */
export async function addJobs(
  url: string,
  { jobs, running = 100, replicas = 1, runs = 1 }: ManyJobs,
): Promise<void> {
  const { store } = await openStore(url);
  const names = Array.from({ length: jobs }, (_, i) => `job-${i}`);
  const descriptions = names.map((name) => ({
    name,
    kind: 'tick',
    job: name,
    method: `Jobs.${name}`,
    role: 'cron',
    expression: '0 3 * * *',
  }));
  const others = Array.from({ length: replicas }, (_, i) => `other-${i}`);
  for (const replica of others) {
    const entry = { replica, started: Date.now(), published: Date.now(), ahead: 3, jobs: descriptions };
    await store.runs.publish(replica, JSON.stringify(entry), 600_000, WITHIN);
  }
  const run = async (name: string, i: number, nth: number): Promise<void> => {
    const replica = others[(i + nth) % replicas];
    const time = Date.now() - 1000 * (runs - nth);
    const claim: TickClaim = { kind: 'tick', job: name, time, rerun: false, history: 20, replica };
    const holder = JSON.stringify({ replica, since: '' });
    const mine = { name, owner: `owner-${i}-${nth}`, holder, ttl: 600_000, claim };
    const fencingToken = tokenOf(await store.acquire(mine, WITHIN));
    if (i < running && nth === runs - 1) return;
    const outcome = (i + nth) % 7 === 0 ? 'failed' : 'succeeded';
    await store.release({ ...mine, end: 'completed', run: { fencingToken, outcome } }, WITHIN);
  };
  for (let nth = 0; nth < runs; nth++) await Promise.all(names.map((name, i) => run(name, i, nth)));
}
