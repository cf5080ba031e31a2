import { AsyncLocalStorage } from 'node:async_hooks';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { currentLease, type LeaseScope } from '../../../lib/core/current-lease.js';
import { HolderIdentity } from '../../../lib/core/holder.js';
import { LockManager } from '../../../lib/core/lock-manager.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { RecordingLogger } from './support/recording-logger.js';

// Real timers: the fake ones of a test fire in the context of whoever lets time pass.
const logger = new RecordingLogger();
const locks = new LockManager({
  store: new MemoryLockStore(),
  logger,
  outages: new OutageLog(logger),
  identity: new HolderIdentity('replica-1'),
  ttl: 10_000,
  renewEvery: 30,
  commandTimeout: 1000,
  drainTimeout: 1000,
});

afterAll(() => locks.close());

describe('a timer that finished work has left behind', () => {
  it('runs under no lease', async () => {
    const later = deferred<unknown>();

    await locks.run('a', () => void setTimeout(() => later.resolve(currentLease()), 10), {});

    expect(await later.promise).toBeUndefined();
  });

  it('runs under the outer lease if only the inner work has finished', async () => {
    const later = deferred<string | undefined>();
    const inner = () => void setTimeout(() => later.resolve(currentLease()?.name), 10);
    const work = async () => {
      await locks.run('inner', inner, {});
      return later.promise;
    };

    expect(await locks.run('outer', work, {})).toEqual({ status: 'ran', value: 'outer' });
  });

  it('keeps only an empty scope alive', async () => {
    const later = deferred<LeaseScope[]>();

    await locks.run('a', () => void setTimeout(() => later.resolve(scopes()), 10), {});

    expect(await later.promise).toEqual([{ lease: undefined, owner: undefined, outer: undefined }]);
  });
});

describe('runs that each start the next before they end', () => {
  it('keep only the running ones alive', async () => {
    const depths: number[] = [];
    const last = deferred<void>();
    const begin = (round: number, hasBegun: () => void): void => {
      const work = async (): Promise<void> => {
        depths.push(scopes().length);
        hasBegun();
        if (round === 50) return last.resolve();
        const next = deferred<void>();
        setImmediate(() => begin(round + 1, next.resolve));
        await next.promise;
      };
      void locks.run(`lock-${round}`, work, {});
    };

    begin(1, () => {});
    await last.promise;

    expect(depths).toHaveLength(50);
    expect(Math.max(...depths)).toBe(2);
  });
});

describe('the timer that renews leases', () => {
  it('keeps nothing alive of the request that acquired the lock', async () => {
    const request = new AsyncLocalStorage<object>();
    const renewal = deferred<unknown>();
    const deaf = locks.events.listen(({ type }) => {
      if (type === 'renewed') renewal.resolve(request.getStore());
    });

    const acquisition = await request.run({}, () => locks.tryAcquire('a', {}));

    expect(acquisition.status).toBe('acquired');
    expect(await renewal.promise).toBeUndefined();
    deaf();
    if (acquisition.status === 'acquired') await acquisition.lease.release();
  });
});

/** The scopes that the running code keeps, the innermost first. */
function scopes(): LeaseScope[] {
  const key = Symbol.for('nestjs-exclusive-lock/current-lease');
  const storage = (globalThis as Record<symbol, unknown>)[key] as AsyncLocalStorage<LeaseScope>;
  const chain: LeaseScope[] = [];
  for (let scope = storage.getStore(); scope; scope = scope.outer) chain.push(scope);
  return chain;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => (resolve = fulfil));
  return { promise, resolve };
}
