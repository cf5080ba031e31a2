import { jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Exclusive, ExclusiveLockService, type Lease } from 'nestjs-exclusive-lock';
import { defer, lastValueFrom, of, retry, Subject, throwError, type Observable } from 'rxjs';
import { loadError } from './support/load-error.js';
import { closeApps, startApp } from './support/nest-apps.js';

/** More than a stream is kept for a reader that does not come. */
const TOO_LATE = 60_001;

@Injectable()
class Feeds {
  /** What a subscription gets. */
  source: Observable<number> = new Subject<number>();
  /** The lease that each subscription has run under. */
  readonly subscriptions: (Lease | undefined)[] = [];
  /** The lease that each step of the generator has run under. */
  readonly steps: (Lease | undefined)[] = [];
  left = 0;

  @Exclusive('feed', { shared: true })
  watch(): Observable<number> {
    return defer(() => {
      this.subscriptions.push(ExclusiveLockService.current());
      return this.source;
    });
  }

  @Exclusive('feed', { shared: true })
  async *pages(): AsyncGenerator<number, string> {
    try {
      for (const page of [1, 2]) {
        await nextTurn();
        this.steps.push(ExclusiveLockService.current());
        yield page;
      }
      return 'all';
    } finally {
      this.left++;
    }
  }

  @Exclusive('feed', { shared: true })
  async *broken(): AsyncGenerator<number> {
    yield 1;
    throw new Error('the page is torn');
  }
}

async function start() {
  const { module, locks, log } = await startApp({ providers: [Feeds] });
  const feeds = module.get(Feeds);
  const subject = new Subject<number>();
  feeds.source = subject;
  return {
    feeds,
    subject,
    log,
    // The decorator makes promises of what the methods say they give.
    watch: () => Promise.resolve(feeds.watch()),
    pages: () => Promise.resolve(feeds.pages()),
    broken: () => Promise.resolve(feeds.broken()),
    /** Whether the lock is taken, once all that was to happen at once has happened. */
    held: async (): Promise<boolean> => {
      await nextTurn();
      return (await locks.inspect('feed')) !== null;
    },
  };
}

afterEach(() => jest.useRealTimers());
afterEach(closeApps);

const LOST = { code: 'LOCK_LOST', reason: 'released' };

describe('a decorated method that returns an Observable', () => {
  it('resolves to it with the lock held before anybody reads, and other calls are skipped', async () => {
    const { feeds, watch, held } = await start();
    const stream = await watch();
    expect(typeof stream.subscribe).toBe('function');
    expect(feeds.subscriptions).toEqual([]);
    expect(await held()).toBe(true);
    expect(await watch()).toBeUndefined();
    // A shutdown would wait for it.
    stream.subscribe().unsubscribe();
  });

  it('keeps the lock until it completes, and can then be called again', async () => {
    const { subject, watch, held } = await start();
    const seen: number[] = [];
    const stream = await watch();
    const done = new Promise<void>((resolve) =>
      stream.subscribe({ next: (n) => seen.push(n), complete: resolve }),
    );
    subject.next(1);
    expect(await held()).toBe(true);
    expect(await watch()).toBeUndefined();
    subject.next(2);
    subject.complete();
    await done;
    expect(seen).toEqual([1, 2]);
    expect(await held()).toBe(false);
    const again = await watch();
    await expect(lastValueFrom(again, { defaultValue: 'over' })).resolves.toBe('over');
  });

  it('keeps the lock until it fails, with its own error', async () => {
    const { subject, watch, held } = await start();
    const error = new Error('the wire is cut');
    const value = lastValueFrom(await watch());
    expect(await held()).toBe(true);
    subject.error(error);
    await expect(value).rejects.toBe(error);
    expect(await held()).toBe(false);
  });

  it('keeps the lock until its reader unsubscribes, which also ends the source', async () => {
    const { subject, watch, held } = await start();
    const subscription = (await watch()).subscribe();
    expect(await held()).toBe(true);
    expect(subject.observed).toBe(true);
    subscription.unsubscribe();
    expect(subject.observed).toBe(false);
    expect(await held()).toBe(false);
  });

  it.each<[how: string, source: Observable<number>]>([
    ['completes', of(1, 2)],
    ['fails', throwError(() => new Error('at once'))],
  ])('releases the lock if it %s at once', async (_how, source) => {
    const { feeds, watch, held } = await start();
    feeds.source = source;
    const stream = await watch();
    expect(await held()).toBe(true);
    await lastValueFrom(stream).catch(() => undefined);
    expect(await held()).toBe(false);
  });

  it('keeps the lock until the last of two readers has unsubscribed', async () => {
    const { feeds, watch, held } = await start();
    const stream = await watch();
    const [first, second] = [stream.subscribe(), stream.subscribe()];
    first.unsubscribe();
    expect(await held()).toBe(true);
    // The same reader leaves once only.
    first.unsubscribe();
    expect(await held()).toBe(true);
    second.unsubscribe();
    expect(await held()).toBe(false);
    expect(feeds.subscriptions).toHaveLength(2);
  });

  it('runs the source under the lease, whatever code subscribes', async () => {
    const { feeds, subject, watch } = await start();
    const stream = await watch();
    expect(ExclusiveLockService.current()).toBeUndefined();
    const value = lastValueFrom(stream);
    expect(ExclusiveLockService.current()).toBeUndefined();
    expect(feeds.subscriptions).toEqual([expect.objectContaining({ name: 'feed', held: true })]);
    subject.next(1);
    subject.complete();
    await value;
  });

  it('fails a subscription after its end without running the source', async () => {
    const { feeds, subject, watch } = await start();
    const stream = await watch();
    const value = lastValueFrom(stream, { defaultValue: 0 });
    subject.complete();
    await value;
    await expect(lastValueFrom(stream)).rejects.toMatchObject(LOST);
    await expect(lastValueFrom(stream)).rejects.toThrow(/Call the method again/);
    expect(feeds.subscriptions).toHaveLength(1);
  });

  it.each<[when: string, config: number | { count: number; delay: number }]>([
    ['at once', 2],
    ['later', { count: 2, delay: 5 }],
  ])('fails a retry() %s without running the source', async (_when, config) => {
    const { feeds, subject, watch, held } = await start();
    const value = lastValueFrom((await watch()).pipe(retry(config as number)));
    subject.error(new Error('the wire is cut'));
    await expect(value).rejects.toMatchObject(LOST);
    expect(feeds.subscriptions).toHaveLength(1);
    expect(await held()).toBe(false);
  });

  it('fails a retry() of a source that fails at once without running it again', async () => {
    const { feeds, watch } = await start();
    feeds.source = throwError(() => new Error('at once'));
    await expect(lastValueFrom((await watch()).pipe(retry(2)))).rejects.toMatchObject(LOST);
    expect(feeds.subscriptions).toHaveLength(1);
  });

  it('releases the lock if nobody reads within a minute, and fails later readers', async () => {
    const { feeds, watch, held } = await start();
    fakeTimeouts();
    const stream = await watch();
    jest.advanceTimersByTime(TOO_LATE - 2);
    expect(await held()).toBe(true);
    jest.advanceTimersByTime(2);
    expect(await held()).toBe(false);
    await expect(lastValueFrom(stream)).rejects.toMatchObject(LOST);
    expect(feeds.subscriptions).toEqual([]);
  });

  it('keeps the lock while it is read', async () => {
    const { watch, held } = await start();
    fakeTimeouts();
    const subscription = (await watch()).subscribe();
    jest.advanceTimersByTime(10 * TOO_LATE);
    expect(await held()).toBe(true);
    subscription.unsubscribe();
    expect(await held()).toBe(false);
  });
});

describe('a decorated async generator', () => {
  it('holds the lock until it is done, and runs under the lease', async () => {
    const { feeds, pages, held } = await start();
    const iterator = await pages();
    expect(await held()).toBe(true);
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    expect(await iterator.next()).toEqual({ done: false, value: 2 });
    expect(await held()).toBe(true);
    expect(await pages()).toBeUndefined();
    expect(await iterator.next()).toEqual({ done: true, value: 'all' });
    expect(await held()).toBe(false);
    const lease = expect.objectContaining({ name: 'feed', fencingToken: expect.any(Number) });
    expect(feeds.steps).toEqual([lease, lease]);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('releases the lock when its reader breaks off', async () => {
    const { feeds, pages, held } = await start();
    for await (const page of await pages()) {
      expect(page).toBe(1);
      expect(await held()).toBe(true);
      break;
    }
    expect(feeds.left).toBe(1);
    expect(await held()).toBe(false);
  });

  it('releases the lock on return(), even before the first step', async () => {
    const { feeds, pages, held } = await start();
    const begun = await pages();
    await begun.next();
    expect(await begun.return('enough')).toEqual({ done: true, value: 'enough' });
    expect(feeds.left).toBe(1);
    expect(await held()).toBe(false);

    const unread = await pages();
    expect(await held()).toBe(true);
    expect(await unread.return('none')).toEqual({ done: true, value: 'none' });
    expect(await held()).toBe(false);
  });

  it('releases the lock on throw()', async () => {
    const { feeds, pages, held } = await start();
    const error = new Error('the reader is tired');
    const iterator = await pages();
    await iterator.next();
    await expect(iterator.throw(error)).rejects.toBe(error);
    expect(feeds.left).toBe(1);
    expect(await held()).toBe(false);
  });

  it('releases the lock when it throws', async () => {
    const { broken, held } = await start();
    const iterator = await broken();
    await iterator.next();
    expect(await held()).toBe(true);
    await expect(iterator.next()).rejects.toThrow('the page is torn');
    expect(await held()).toBe(false);
  });

  it('fails a first next() after the lock was released without running', async () => {
    const { feeds, pages, held } = await start();
    fakeTimeouts();
    const iterator = await pages();
    jest.advanceTimersByTime(TOO_LATE);
    expect(await held()).toBe(false);
    await expect(iterator.next()).rejects.toMatchObject(LOST);
    expect(feeds.steps).toEqual([]);
  });
});

describe('a decorated synchronous generator', () => {
  it('is refused when the class is loaded', () => {
    const error = loadError(() => {
      class Jobs {
        // @ts-expect-error it returns no promise and no async iterable
        @Exclusive('job')
        *pages(): Generator<number> {
          yield 1;
        }
      }
      return Jobs;
    });
    expect(error).toMatchObject({ name: 'LockConfigurationError', code: 'LOCK_CONFIGURATION' });
    expect(error.message).toMatch(/@Exclusive\("job"\).*generator "pages".*async \*pages\(\)/);
  });
});

/** Timeouts only: the lease lives on the real clock, and does not end while they are advanced. */
function fakeTimeouts(): void {
  jest.useFakeTimers({
    doNotFake: [
      'Date',
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
    ],
  });
}
