import type { Page } from 'playwright-core';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { violationsOf } from '../../support/accessibility.js';
import { TestBrowser } from '../../support/browser.js';
import { eventually } from '../../support/eventually.js';
import { closeApps } from '../nest/support/nest-apps.js';
import { Jobs, serveBoard, type BoardOptions } from './support/boards.js';

/** An error whose message would be markup, if the page took it for that. */
const MARKUP = '<img src=x onerror="console.error(1)">';
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };

let browser: TestBrowser;

beforeAll(async () => {
  browser = await TestBrowser.open();
});
afterAll(() => browser.close());
afterEach(async () => {
  Jobs.work = () => undefined;
  await browser.closePages();
  await closeApps();
});

async function open(options: BoardOptions = {}, look: Parameters<TestBrowser['page']>[0] = {}) {
  const served = await serveBoard({ ...options, board: { actions: true, ...options.board } });
  const watched = await browser.page(look);
  const { port } = served.app.getHttpServer().address() as { port: number };
  const url = `http://127.0.0.1:${port}/locks`;
  const show = async (view = 'jobs') => {
    await watched.page.goto(`${url}#${view}`);
    await watched.page.locator('main[aria-busy="false"]').waitFor();
  };
  return { ...served, ...watched, url, show };
}

/** The page in each of its views, with a failed run, a paused job, and a lock that is held. */
async function openFull(look: Parameters<TestBrowser['page']>[0]) {
  const opened = await open({}, look);
  Jobs.work = () => {
    throw new Error(MARKUP);
  };
  await opened.locks.jobs.run('nightly').catch(() => {});
  await opened.locks.jobs.pause('sync', { reason: 'maintenance', by: 'anna' });
  const lease = await opened.locks.acquire('import', { contents: { step: 3 } });
  return { ...opened, lease: lease! };
}

/** Whether the page can be scrolled to the side. */
const overflows = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');

describe.each([
  ['light', DESKTOP],
  ['dark', DESKTOP],
  ['light', PHONE],
  ['dark', PHONE],
] as const)('the page, %s, %j', (colorScheme, viewport) => {
  it('has no violation that axe-core knows of, no error, and asks nobody but its application', async () => {
    const { page, problems, requests, show, url, lease } = await openFull({ colorScheme, viewport });
    await using _ = lease;
    for (const view of ['jobs', 'held', 'replicas']) {
      await show(view);
      await expect(violationsOf(page)).resolves.toEqual([]);
      expect(await overflows(page)).toBe(false);
    }
    await show('jobs');
    await page.getByRole('button', { name: 'nightly', exact: true }).click();
    await page.getByRole('table', { name: 'Runs of nightly' }).getByText(MARKUP).waitFor();
    await page.getByText('What the marks mean').click();
    await expect(violationsOf(page)).resolves.toEqual([]);
    await page.getByRole('button', { name: 'Pause nightly' }).click();
    await expect(violationsOf(page)).resolves.toEqual([]);
    expect(await overflows(page)).toBe(false);
    expect(problems).toEqual([]);
    expect(requests.filter((request) => !request.startsWith(url) && !request.startsWith('data:'))).toEqual(
      [],
    );
  });
});

describe('the page', () => {
  it('is used without a mouse', async () => {
    const { page, locks, show } = await open();
    await show();
    const focus = (name: string) => tabTo(page, name);

    await focus('nightly');
    await page.keyboard.press('Enter');
    await page.getByRole('cell').getByText('Jobs.nightly').waitFor();
    await focus('Pause nightly');
    await page.keyboard.press('Enter');
    await page.keyboard.type('migration');
    await page.keyboard.press('Enter');

    await page.getByText('nightly is paused.').waitFor();
    await expect(locks.jobs.get('nightly')).resolves.toMatchObject({ paused: { reason: 'migration' } });
    await focus('Resume nightly');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect(page.evaluate('document.activeElement.ariaLabel')).resolves.toBe('Resume nightly');
  });

  it('keeps the focus while it is written anew', async () => {
    const { page, locks, show } = await open();
    await show();
    await tabTo(page, 'nightly');
    await locks.jobs.run('nightly');
    await page.getByRole('row').filter({ hasText: 'nightly' }).getByText('succeeded').waitFor();
    await expect(page.evaluate('document.activeElement.textContent')).resolves.toBe('nightly');
  });

  it('asks every three seconds, not in a hidden tab, and at once when it is seen again', async () => {
    const { page, requests, show } = await open();
    await page.clock.install();
    await show();
    const polls = () => requests.filter((url) => url.endsWith('api/overview')).length;
    expect(polls()).toBe(1);
    await page.clock.runFor(3100);
    await eventually(() => expect(polls()).toBe(2));

    await setHidden(page, true);
    await page.clock.runFor(60_000);
    expect(polls()).toBe(2);

    await setHidden(page, false);
    await eventually(() => expect(polls()).toBe(3));
  });

  it('has no buttons that act on a board without actions', async () => {
    const { page, show } = await open({ board: { actions: false } });
    await show();
    await page.getByRole('button', { name: 'nightly' }).waitFor();
    await expect(page.getByRole('button', { name: /Pause|Run now/ }).count()).resolves.toBe(0);
  });

  it('finds jobs by a part of their name, and by their state', async () => {
    const { page, locks, show } = await open();
    await locks.jobs.pause('sync', { reason: 'maintenance', by: 'anna' });
    await show();
    const names = () => page.locator('.jobs .name').allTextContents();
    await eventually(async () => expect(await names()).toEqual(['migrate', 'nightly', 'sync']));
    await page.getByRole('searchbox').fill('night');
    await eventually(async () => expect(await names()).toEqual(['nightly']));
    await page.getByRole('searchbox').fill('');
    await page.getByRole('button', { name: 'paused 1' }).click();
    await eventually(async () => expect(await names()).toEqual(['sync']));
    await page.getByRole('searchbox').fill('night');
    await page.getByText('No job matches the filter.').waitFor();
  });

  it('says so if there is no job, no held lock', async () => {
    const { page, show } = await open({ jobs: [] });
    await show();
    await page.getByText('No jobs yet.').waitFor();
    await page.getByRole('link', { name: /Held now/ }).click();
    await page.getByText('No lock is held.').waitFor();
    await expect(violationsOf(page)).resolves.toEqual([]);
  });

  it('says that it loads, and what is wrong if it never could', async () => {
    const kit = new LockTestKit();
    const { page, show } = await open({ locks: { store: kit.store } });
    let answer!: () => void;
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route('**/api/overview', async (route) => {
      await held;
      await route.continue();
    });
    kit.down();
    const shown = show();
    await page.getByText('Loading…').waitFor();
    answer();
    await shown;
    await page.getByRole('alert').getByText('The lock store does not answer.').waitFor();
    await expect(page.getByText('Loading…').count()).resolves.toBe(0);
    kit.up();
    await page.getByRole('button', { name: 'nightly', exact: true }).waitFor();
  });

  it.each<[string, number, string, string]>([
    ['a guard refuses', 403, '{"message":"Forbidden resource"}', 'You may not see the board.'],
    ['the session has ended', 200, '<html>Log in</html>', 'Reload the page to log in again.'],
    ['the application fails', 500, '{"message":"Internal server error"}', 'The board cannot be read.'],
  ])('says that %s', async (_, status, body, said) => {
    const { page, show } = await open();
    await page.route('**/api/overview', (route) => route.fulfill({ status, body }));
    await show();
    await page.getByRole('alert').getByText(said).waitFor();
  });

  it('says in the dialog why an action was refused', async () => {
    const { page, locks, show } = await open();
    const lease = await locks.acquire('import');
    await show('held');
    await page.getByRole('button', { name: 'Release import' }).click();
    await lease!.release();
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    await page.getByRole('dialog').getByText('was not released').waitFor();
  });
});

/** Presses Tab until the element of that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(
      'document.activeElement.ariaLabel ?? document.activeElement.textContent',
    );
    if (focused === name) return;
  }
  throw new Error(`${name} cannot be reached by Tab.`);
}

async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}
