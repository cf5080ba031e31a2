import type { Page } from 'playwright-core';
import { TestBrowser } from '../../support/browser.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeApps } from '../nest/support/nest-apps.js';
import { closeEverything, PREFIX } from '../redis/support/redis-stores.js';
import { serveBoard } from './support/boards.js';
import { addJobs } from './support/many-jobs.js';

const JOBS = 500;
const REPLICAS = 20;
/** A busy machine makes a page load slowly now and then, but never fast: the best of these counts. */
const TRIES = 30;
/** What browsers call a long task, in milliseconds. */
const LONG_TASK = 50;
const POLLS = 2;

let browser: TestBrowser;
let url: string;

beforeAll(async () => {
  browser = await TestBrowser.open();
  const server = await RedisServer.start();
  await addJobs(server.url, { jobs: JOBS, replicas: REPLICAS, runs: 20 });
  const { app } = await serveBoard({
    locks: { redis: server.url, prefix: PREFIX, replica: 'one', catalogue: false },
    board: { actions: true },
    jobs: [],
  });
  url = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}/locks`;
});
afterAll(async () => {
  await browser.close();
  await closeApps();
  await closeEverything();
});
afterEach(() => browser.closePages());

/** The longest task until a view has been drawn and polled some times. */
async function longestTask(view: string, rows: number): Promise<number> {
  const { page } = await browser.page();
  return browser.longestTask(page, async () => {
    await page.goto(`${url}#${view}`);
    await drawn(page, rows);
    for (let poll = 0; poll < POLLS; poll++) await page.waitForResponse(/api\/overview/);
    // The last answer is drawn when the next is asked for.
    await page.waitForRequest(/api\/overview/);
  });
}

/** Until the event `load` is over. */
async function timeToLoad(): Promise<number> {
  const { page } = await browser.page();
  await page.goto(url);
  return page.evaluate<number>(`performance.getEntriesByType('navigation')[0].loadEventEnd`);
}

async function drawn(page: Page, rows: number): Promise<void> {
  await page
    .locator('.entry')
    .nth(rows - 1)
    .waitFor({ state: 'attached' });
}

describe(`the page with ${JOBS} jobs and ${REPLICAS} replicas`, () => {
  it.each([
    ['jobs', JOBS],
    ['held', 100],
    ['replicas', REPLICAS],
  ])('draws the view "%s" without a long task', async (view, rows) => {
    expect(await longestTask(view, rows)).toBeLessThan(LONG_TASK);
  });

  it('is loaded within 100 ms', async () => {
    let least = Infinity;
    for (let tries = 0; tries < TRIES && least >= 100; tries++) least = Math.min(least, await timeToLoad());
    expect(least).toBeLessThan(100);
  });
});
