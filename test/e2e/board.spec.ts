import type { Page } from 'playwright-core';
import { violationsOf } from '../support/accessibility.js';
import { startApp } from '../support/apps.js';
import { TestBrowser, type WatchedPage } from '../support/browser.js';
import { event } from '../support/history.js';
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

/** Runs a job on the replica whose board it is. */
async function runNow(page: Page, job: string): Promise<void> {
  await click(page, `Run now ${job}`);
  await confirm(page, 'Run now');
}

describe('the board of three replicas', () => {
  it('shows each job, each replica, and who ran what', async () => {
    const { page, problems } = await open();
    await rowOf(page, 'quick').getByText('succeeded').waitFor();
    await text(page, 'every second');

    await page.getByRole('link', { name: 'Replicas 3' }).click();

    for (const name of NAMES) await rowOf(page, name).getByText('version 1.4.2').waitFor();
    await page
      .getByRole('img', { name: /web-\d: \d+ runs? in the last 5 minutes/ })
      .first()
      .waitFor();
    expect(problems).toEqual([]);
  });

  it('runs a job now, and shows its error as text', async () => {
    const { page, problems } = await open();
    await runNow(page, 'report');

    const row = rowOf(page, 'report');
    await row.getByText('failed', { exact: true }).waitFor();
    await row.getByText('<b>no paper</b>').waitFor();
    await click(page, 'report');
    await page.getByRole('table', { name: 'Runs of report' }).getByText('by hand').waitFor();
    expect(problems).toEqual([]);
  });

  it('pauses a job of all replicas with a reason, and resumes it', async () => {
    const { page, problems } = await open();
    await click(page, 'Pause quick');
    await page.getByLabel('Reason').fill('migration');
    await confirm(page, 'Pause');

    const row = rowOf(page, 'quick');
    await row.getByText('paused by the board').waitFor();
    await row.getByText('migration').waitFor();
    const { page: other } = await open(1);
    await rowOf(other, 'quick').getByText('migration').waitFor();

    await click(other, 'Resume quick');
    await confirm(other, 'Resume');
    await rowOf(other, 'quick').getByText('succeeded').waitFor();
    await row.getByText('succeeded').waitFor();
    expect(problems).toEqual([]);
  });

  it('shows a run as abandoned when its replica was killed', async () => {
    const victim = await open(2);
    await runNow(victim.page, 'slow');
    const { page, problems } = await open();
    await rowOf(page, 'slow').getByText('running', { exact: true }).waitFor();
    await rowOf(page, 'slow').getByText('web-3').waitFor();

    await replicas[2].signal('SIGKILL');

    await rowOf(page, 'slow').getByText('abandoned').waitFor();
    await text(victim.page, 'The application does not answer.');
    expect(problems).toEqual([]);
  });

  it('releases a lock by its token, so that another replica gets it', async () => {
    const holder = await open(1);
    await runNow(holder.page, 'slow');
    const { page, problems } = await open(0, 'held');
    await rowOf(page, 'slow').getByText('web-2').first().waitFor();

    await click(page, 'Release slow');
    await page.getByRole('dialog').getByText('web-2 has held it for').waitFor();
    await confirm(page, 'Release');
    await text(page, 'slow is released.');
    await rowOf(page, 'slow').waitFor({ state: 'detached' });

    await page.getByRole('link', { name: /Jobs/ }).click();
    await runNow(page, 'slow');
    await rowOf(page, 'slow').getByText('running', { exact: true }).waitFor();
    await rowOf(page, 'slow').getByText('web-1').waitFor();
    // It learns of it at its next renewal.
    await replicas[1].waitFor(({ message }) => /"slow".* lost/.test(String(message)));
    replicas[1].send({ finish: true });
    await page.getByRole('button', { name: 'slow', exact: true }).click();
    await page.getByRole('table', { name: 'Runs of slow' }).getByText('lost').waitFor();
    expect(problems).toEqual([]);
  });

  it('says since when the store is away, and goes on when it is back', async () => {
    const { page, problems } = await open();
    await rowOf(page, 'quick').getByText('succeeded').waitFor();

    await server.stop();
    const alert = page.getByRole('alert').filter({ hasText: 'The lock store does not answer.' });
    await alert.waitFor();
    await expect(violationsOf(page)).resolves.toEqual([]);
    await rowOf(page, 'quick').waitFor();

    await server.restart();
    await alert.waitFor({ state: 'detached' });
    await rowOf(page, 'quick').getByText('succeeded').waitFor();
    // The browser itself notes each answer that says so.
    expect(problems.filter((problem) => !problem.includes('status of 503'))).toEqual([]);
  });
});
