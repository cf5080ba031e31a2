import type { Page } from 'playwright-core';
import { violationsOf } from '../support/accessibility.js';
import { startApp } from '../support/apps.js';
import { TestBrowser, type WatchedPage } from '../support/browser.js';
import { event } from '../support/history.js';
import { takePicture } from '../support/pictures.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ReplicaProcess } from '../support/replica-process.js';

const NAMES = ['web-1', 'web-2', 'web-3'];
const TTL = 2000;

let browser: TestBrowser;
let server: RedisServer;
let replicas: ReplicaProcess[];

beforeAll(async () => {
  browser = await TestBrowser.open();
});
afterAll(() => browser.close());

beforeEach(async () => {
  server = await RedisServer.start({ appendonly: true });
  const options = { redis: server.url, ttl: TTL, application: 'shop', version: '1.4.2' };
  replicas = NAMES.map((replica) => startApp('board-replica', { ...options, replica }));
  await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
});
afterEach(async () => {
  await browser.closePages();
  await ReplicaProcess.killAll();
  await RedisServer.closeAll();
});

/** The board of a replica in the browser. */
async function open(index = 0, view = 'jobs'): Promise<WatchedPage> {
  const { port } = await replicas[index].waitFor(event('ready'));
  const watched = await browser.page();
  await watched.page.goto(`http://127.0.0.1:${String(port)}/locks#${view}`);
  return watched;
}

const rowOf = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name }).first();
const click = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const confirm = (page: Page, name: string) =>
  page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
const text = (page: Page, found: string | RegExp) => page.getByText(found).first().waitFor();

/** What was said of the last action is gone. */
const saidNothing = (page: Page) => page.locator('#said:empty').waitFor({ state: 'attached' });

/** Runs a job on the replica whose board it is. */
async function runNow(page: Page, job: string): Promise<void> {
  await click(page, `Run now ${job}`);
  await confirm(page, 'Run now');
}

describe('the board of three replicas', () => {
  it('shows each job, each replica, and who ran what', async () => {
    const { page, problems } = await open();
    await rowOf(page, 'sync-stock').getByText('succeeded').waitFor();
    await text(page, 'every second');

    await page.getByRole('link', { name: 'Replicas 3' }).click();

    for (const name of NAMES) await rowOf(page, name).getByText('version 1.4.2').waitFor();
    await page
      .getByRole('img', { name: /web-\d: \d+ runs? in the last 5 minutes/ })
      .first()
      .waitFor();
    expect(problems).toEqual([]);
  });

  it('runs a job now, and shows its error', async () => {
    const { page, problems } = await open();
    await runNow(page, 'yearly-report');

    const row = rowOf(page, 'yearly-report');
    await row.getByText('failed', { exact: true }).waitFor();
    await row.getByText('no paper in printer 3').waitFor();
    await click(page, 'yearly-report');
    await page.getByRole('table', { name: 'Runs of yearly-report' }).getByText('by hand').waitFor();
    expect(problems).toEqual([]);
  });

  it('pauses a job of all replicas with a reason, and resumes it', async () => {
    const { page, problems } = await open();
    await click(page, 'Pause sync-stock');
    await page.getByLabel('Reason').fill('migration');
    await confirm(page, 'Pause');

    const row = rowOf(page, 'sync-stock');
    await row.getByText('paused by the board').waitFor();
    await row.getByText('migration').waitFor();
    const { page: other } = await open(1);
    await rowOf(other, 'sync-stock').getByText('migration').waitFor();

    await click(other, 'Resume sync-stock');
    await confirm(other, 'Resume');
    await rowOf(other, 'sync-stock').getByText('succeeded').waitFor();
    await row.getByText('succeeded').waitFor();
    expect(problems).toEqual([]);
  });

  it('shows a run as abandoned when its replica was killed', async () => {
    const victim = await open(2);
    await runNow(victim.page, 'rebuild-search');
    const { page, problems } = await open();
    await rowOf(page, 'rebuild-search').getByText('running', { exact: true }).waitFor();
    await rowOf(page, 'rebuild-search').getByText('web-3').waitFor();

    await replicas[2].signal('SIGKILL');

    await rowOf(page, 'rebuild-search').getByText('abandoned').waitFor();
    await text(victim.page, 'The application does not answer.');
    expect(problems).toEqual([]);
  });

  it('releases a lock by its token, so that another replica gets it', async () => {
    const holder = await open(1);
    await runNow(holder.page, 'rebuild-search');
    const { page, problems } = await open(0, 'held');
    await rowOf(page, 'rebuild-search').getByText('web-2').first().waitFor();

    await click(page, 'Release rebuild-search');
    await page.getByRole('dialog').getByText('web-2 has held it for').waitFor();
    await confirm(page, 'Release');
    await text(page, 'rebuild-search is released.');
    await rowOf(page, 'rebuild-search').waitFor({ state: 'detached' });

    await page.getByRole('link', { name: /Jobs/ }).click();
    await runNow(page, 'rebuild-search');
    await rowOf(page, 'rebuild-search').getByText('running', { exact: true }).waitFor();
    await rowOf(page, 'rebuild-search').getByText('web-1').waitFor();
    // It learns of it at its next renewal.
    await replicas[1].waitFor(({ message }) => /"rebuild-search".* lost/.test(String(message)));
    replicas[1].send({ finish: true });
    await page.getByRole('button', { name: 'rebuild-search', exact: true }).click();
    await page.getByRole('table', { name: 'Runs of rebuild-search' }).getByText('lost').waitFor();
    expect(problems).toEqual([]);
  });

  it('is pictured in docs/board.md after a bad minute', async () => {
    const { page: victim } = await open(2);
    await runNow(victim, 'rebuild-search');
    await rowOf(victim, 'rebuild-search').getByText('running', { exact: true }).waitFor();
    const { page } = await open();
    await runNow(page, 'yearly-report');
    await replicas[2].signal('SIGKILL');
    await click(page, 'Pause warm-cache');
    await page.getByLabel('Reason').fill('the cache moves to another host');
    await confirm(page, 'Pause');
    await rowOf(page, 'rebuild-search').getByText('abandoned').waitFor();
    await rowOf(page, 'sync-stock').getByRole('img', { name: 'Last 20 runs' }).waitFor();
    await rowOf(page, 'yearly-report').getByText('failed', { exact: true }).waitFor();
    await rowOf(page, 'warm-cache').getByText('paused by the board').waitFor();
    await saidNothing(page);
    await takePicture(page, 'board-jobs', 490);

    await runNow(page, 'rebuild-search');
    await page.getByRole('link', { name: /Held now/ }).click();
    await rowOf(page, 'rebuild-search').waitFor();
    await saidNothing(page);
    await takePicture(page, 'board-held', 280);

    await page.getByRole('link', { name: /Replicas/ }).click();
    await page.getByText('1 min', { exact: true }).first().click();
    await page.emulateMedia({ colorScheme: 'dark' });
    // The bar of a long run has room for its name.
    await page.locator('.lane').getByText('rebuild-search').waitFor();
    await takePicture(page, 'board-replicas', 600);
  });

  it('says since when the store is away, and goes on when it is back', async () => {
    const { page, problems } = await open();
    await rowOf(page, 'sync-stock').getByText('succeeded').waitFor();

    await server.stop();
    const alert = page.getByRole('alert').filter({ hasText: 'The lock store does not answer.' });
    await alert.waitFor();
    await expect(violationsOf(page)).resolves.toEqual([]);
    await rowOf(page, 'sync-stock').waitFor();

    await server.restart();
    await alert.waitFor({ state: 'detached' });
    await rowOf(page, 'sync-stock').getByText('succeeded').waitFor();
    // The browser itself notes each answer that says so.
    expect(problems.filter((problem) => !problem.includes('status of 503'))).toEqual([]);
  });
});
