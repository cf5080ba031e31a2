import type { Redis } from 'ioredis';
import { BoardReader } from '../../../lib/board/board-reader.js';
import type { TickClaim } from '../../../lib/stores/lock-store.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeApps } from '../nest/support/nest-apps.js';
import { closeEverything, openStore, tokenOf, PREFIX, WITHIN } from '../redis/support/redis-stores.js';
import { serveBoard } from './support/boards.js';

const JOBS = 500;
const HELD = 100;

let server: RedisServer;
let client: Redis;

beforeEach(async () => {
  server = await RedisServer.start();
  client = server.client();
});
afterEach(async () => {
  await closeApps();
  await closeEverything();
});

/** Jobs of another replica: each has run once, and some run now. */
async function addJobs(count: number): Promise<void> {
  const { store } = await openStore(server.url);
  const names = Array.from({ length: count }, (_, i) => `job-${i}`);
  const jobs = names.map((name) => ({
    name,
    kind: 'tick',
    job: name,
    method: `Jobs.${name}`,
    role: 'cron',
    expression: '0 3 * * *',
  }));
  const entry = { replica: 'two', started: Date.now(), published: Date.now(), jobs };
  await store.runs.publish('two', JSON.stringify(entry), 600_000, WITHIN);
  const run = async (name: string, i: number): Promise<void> => {
    const claim: TickClaim = {
      kind: 'tick',
      job: name,
      time: Date.now() - 1000,
      rerun: false,
      history: 20,
      replica: 'two',
    };
    const mine = { name, owner: `owner-${i}`, holder: '{"replica":"two","since":""}', ttl: 600_000, claim };
    const fencingToken = tokenOf(await store.acquire(mine, WITHIN));
    if (i < HELD) return;
    await store.release({ ...mine, end: 'completed', run: { fencingToken, outcome: 'succeeded' } }, WITHIN);
  };
  await Promise.all(names.map(run));
}

/** How many commands the server gets meanwhile. */
async function commandsOf(call: () => Promise<unknown>): Promise<number> {
  await client.config('RESETSTAT');
  await call();
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1];
  return Number(calls ?? 0);
}

async function serve() {
  const { app, client: browser } = await serveBoard({
    locks: { redis: server.url, prefix: PREFIX, replica: 'one', catalogue: false },
    jobs: [],
  });
  return { browser, forget: () => app.get(BoardReader, { strict: false }).forget() };
}

describe('a poll of the board', () => {
  it.each([10, JOBS])('takes three commands of the store with %d jobs', async (count) => {
    await addJobs(count);
    const { browser, forget } = await serve();

    // The server does not know the scripts before.
    const first = await browser.overview();
    expect(first.jobs).toHaveLength(count);
    expect(first.locks).toHaveLength(Math.min(count, HELD));
    expect(first.jobs.filter(({ state }) => state === 'running')).toHaveLength(Math.min(count, HELD));
    forget();

    expect(await commandsOf(() => browser.overview())).toBe(3);
  });

  it('takes none while another has just been answered, however many browsers there are', async () => {
    await addJobs(3);
    const { browser, forget } = await serve();
    await browser.overview();
    forget();
    const polls = () => Promise.all(Array.from({ length: 20 }, () => browser.overview()));
    expect(await commandsOf(polls)).toBe(3);
  });

  it('is of the same moment for a run and its lock', async () => {
    await addJobs(1);
    const { browser } = await serve();
    const { jobs, locks } = await browser.overview();
    expect(locks[0]?.fencingToken).toBe(jobs[0]?.lastRun?.fencingToken);
  });
});
