import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { aptInstall } from './apt.js';
import { onPath } from './on-path.js';

/** A page that has noted what went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** The errors and warnings of its console, its uncaught errors, and each violation of its policy. */
  readonly problems: string[];
  /** The addresses that it has asked for. */
  readonly requests: string[];
}

/** What Chromium traces, as far as it is read here. */
interface Trace {
  readonly traceEvents: readonly TraceEvent[];
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly args?: { readonly name?: string };
  /** The time of the processor, in microseconds. */
  readonly tdur?: number;
}

/** Chromium of the system, without a window. It is installed where that can be done unasked. */
export class TestBrowser {
  static async open(): Promise<TestBrowser> {
    const found = onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome');
    if (!found) await aptInstall('chromium');
    const executablePath = found ?? onPath('chromium');
    if (!executablePath)
      throw new Error('These tests need Chromium. Install it, for example: apt-get install chromium');
    // A container has no place for its sandbox, and it opens no pages but ours.
    return new TestBrowser(await chromium.launch({ executablePath, args: ['--no-sandbox'] }));
  }

  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** A page in a profile of its own: it shares no cookies with others. */
  async page(options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const problems: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
    return { page, problems, requests };
  }

  /**
   * The longest task of a page meanwhile, in milliseconds that the processor worked on it: a busy machine makes tasks take
   * longer, but does not add to their work.
   */
  async longestTask(page: Page, work: () => Promise<unknown>): Promise<number> {
    await this.#browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline'] });
    await work();
    const { traceEvents } = JSON.parse(String(await this.#browser.stopTracing())) as Trace;
    const mainThreads = traceEvents.filter(({ args }) => args?.name === 'CrRendererMain').map(threadOf);
    const tasks = traceEvents.filter(
      (event) => event.name === 'RunTask' && mainThreads.includes(threadOf(event)),
    );
    if (tasks.length === 0) throw new Error('Chromium has traced no task.');
    return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1000));
  }

  /** For `afterEach`: closes all pages. */
  async closePages(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

function threadOf({ pid, tid }: TraceEvent): string {
  return `${pid}/${tid}`;
}
