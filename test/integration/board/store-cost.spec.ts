import type { Redis } from 'ioredis';
import { BoardReader } from '../../../lib/board/board-reader.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeApps } from '../nest/support/nest-apps.js';
import { closeEverything, PREFIX } from '../redis/support/redis-stores.js';
import { serveBoard } from './support/boards.js';
import { addJobs } from './support/many-jobs.js';

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
    await addJobs(server.url, { jobs: count });
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
    await addJobs(server.url, { jobs: 3 });
    const { browser, forget } = await serve();
    await browser.overview();
    forget();
    const polls = () => Promise.all(Array.from({ length: 20 }, () => browser.overview()));
    expect(await commandsOf(polls)).toBe(3);
  });

  it('is of the same moment for a run and its lock', async () => {
    await addJobs(server.url, { jobs: 1 });
    const { browser } = await serve();
    const { jobs, locks } = await browser.overview();
    expect(locks[0]?.fencingToken).toBe(jobs[0]?.lastRun?.fencingToken);
  });
});
