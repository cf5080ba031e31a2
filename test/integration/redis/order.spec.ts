import type { Redis } from 'ioredis';
import type { LockManager } from '../../../lib/core/lock-manager.js';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openManager } from './support/redis-stores.js';

describe('waiters, when the first of them loses the connection for its messages', () => {
  let server: RedisServer;
  let client: Redis;
  beforeEach(async () => {
    server = await RedisServer.start();
    client = server.client();
  });
  afterEach(closeEverything);

  it.each([
    ['it is released', (holder: Holder) => holder.release()],
    ['it is released together with others', (holder: Holder) => holder.releaseAll()],
  ])('get the lock in the order in which they came, even if at that moment %s', async (_, release) => {
    const { manager: a } = await openManager(server.url);
    for (let round = 0; round < 8; round++) {
      // Who has never waited has no such connection yet.
      const [{ manager: b }, { manager: c }] = [await openManager(server.url), await openManager(server.url)];
      const name = `lock-${round}`;
      const order: string[] = [];
      const holder = await hold(a, name);
      const waiting = [waits(b, 'first')];
      await standing(1);
      const [subscriber] = await subscribers();
      waiting.push(waits(c, 'second'));
      await standing(2);

      await client.client('KILL', 'ID', subscriber);
      await release(holder);
      await Promise.all(waiting);

      expect(order).toEqual(['first', 'second']);
      await Promise.all([b, c].map((manager) => manager.close()));
      await eventually(async () => (await subscribers()).length === 0);

      async function waits(manager: LockManager, who: string): Promise<void> {
        const got = await manager.tryAcquire(name, { wait: true });
        order.push(who);
        if (got.status === 'acquired') await got.lease.release();
      }

      async function standing(count: number): Promise<void> {
        await eventually(async () => (await a.inspect(name))?.waiters === count);
      }
    }
  });

  async function subscribers(): Promise<string[]> {
    const list = String(await client.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
    return Array.from(list.matchAll(/^id=(\d+).* sub=1 /gm), ([, id]) => id);
  }
});

interface Holder {
  release(): Promise<unknown>;
  releaseAll(): Promise<unknown>;
}

async function hold(manager: LockManager, name: string): Promise<Holder> {
  const [one, ...others] = await Promise.all(
    [name, 'x', 'y', 'z'].map(async (lock) => {
      const got = await manager.tryAcquire(lock, {});
      if (got.status !== 'acquired') throw new Error(got.reason);
      return got.lease;
    }),
  );
  return {
    async release() {
      await one.release();
      await Promise.all(others.map((lease) => lease.release()));
    },
    releaseAll: () => Promise.all([...others, one].map((lease) => lease.release())),
  };
}
