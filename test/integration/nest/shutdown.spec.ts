import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { freePort } from '../../support/free-port.js';
import { ownTime } from '../../support/own-time.js';
import { ReplicaProcess } from '../../support/replica-process.js';
import { SHARED_STORES } from '../../support/stores.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(async () => {
  await closeApps();
  await ReplicaProcess.killAll();
});

const order: string[] = [];
let gate: Gate;

beforeEach(() => {
  order.length = 0;
  gate = new Gate();
});

class NotedStore extends MemoryLockStore {
  override async release(...args: Parameters<MemoryLockStore['release']>) {
    order.push('released');
    return super.release(...args);
  }

  override async close(): Promise<void> {
    order.push('store closed');
    return super.close();
  }
}

@Injectable()
class Work {
  @Exclusive('work')
  async run(): Promise<string | undefined> {
    await gate.pass();
    ExclusiveLockService.current()?.assertHeld();
    order.push('work returned');
    return 'done';
  }

  @Exclusive('endless')
  async endless(): Promise<unknown> {
    const { signal } = ExclusiveLockService.current()!;
    void gate.pass();
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve((signal.reason as Error).name));
    });
  }
}

describe('app.close()', () => {
  it('waits for a running decorated method, releases its lock, and closes the store last', async () => {
    const { module, log } = await startApp({ locks: { store: new NotedStore() }, providers: [Work] });
    const running = module.get(Work).run();
    await gate.reached;
    const closing = module.close().then(() => order.push('app closed'));
    await sleep(300);
    expect(order).toEqual([]);
    gate.open();
    await expect(running).resolves.toBe('done');
    await closing;
    expect(order).toEqual(['work returned', 'released', 'store closed', 'app closed']);
    expect(log.complaints).toEqual([]);
  });

  it('skips later calls, and `acquire` says why it rejects', async () => {
    const { module, locks } = await startApp({ locks: { store: new NotedStore() }, providers: [Work] });
    await module.close();
    await expect(module.get(Work).run()).resolves.toBeUndefined();
    await expect(locks.run('x', () => 1)).resolves.toEqual({ status: 'skipped', reason: 'shutting-down' });
    await expect(locks.acquire('x')).rejects.toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    expect(order).toEqual(['store closed']);
  });

  it('aborts the signal of work that takes longer than drainTimeout', async () => {
    const locks = { store: new NotedStore(), drainTimeout: 100 };
    const { module, log } = await startApp({ locks, providers: [Work] });
    const running = module.get(Work).endless();
    await gate.reached;
    const begun = ownTime();
    await module.close();
    expect(ownTime() - begun).toBeLessThan(900);
    await expect(running).resolves.toBe('LockShuttingDownError');
    expect(order).toEqual(['released', 'store closed']);
    expect(log.ours('warn')).toEqual([expect.stringMatching(/drainTimeout \(100 ms\).*endless/)]);
  });
});

const REPLICA = join(import.meta.dirname, 'support/leaving-replica.mjs');

/** Runs it to its end, which must come by itself and soon after the application was closed. */
async function leave(options: object) {
  const replica = ReplicaProcess.start(REPLICA, { env: { OPTIONS: JSON.stringify(options) } });
  await replica.waitFor(({ event }) => event === 'closed');
  await expect(replica.exit).resolves.toEqual({ code: 0, signal: null });
  expect(replica.events.filter(({ event }) => event === 'lingers')).toEqual([]);
  expect(replica.stderr).toEqual([]);
  return replica.events;
}

describe('a process whose application was closed', () => {
  it.each(SHARED_STORES)('keeps nothing of ours, and ends by itself: %s', async (_name, makeStore) => {
    const store = makeStore();
    const events = await leave(store.options);
    expect(events).toEqual([{ event: 'closed', value: 'done', statuses: ['ran'] }]);
    await store.remove();
  });

  it('ends by itself even if Redis was never up, without a warning of Node', async () => {
    const redis = `redis://127.0.0.1:${await freePort()}`;
    const events = await leave({ redis, commandTimeout: 300 });
    expect(events).toEqual([{ event: 'closed', statuses: ['skipped'] }]);
  });
});
