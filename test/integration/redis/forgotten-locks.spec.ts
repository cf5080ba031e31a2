import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openManager } from './support/redis-stores.js';

/** Whoever waits for its next renewal learns of nothing in the time that a test has. */
const RARELY = { ttl: 600_000, renewEvery: 200_000 };

describe('a lease on a Redis that comes back without its data', () => {
  afterEach(closeEverything);

  it('is lost at once, long before its next renewal, and the lock can be acquired again', async () => {
    const server = await RedisServer.start();
    const { manager } = await openManager(server.url, 500, RARELY);
    const first = await manager.tryAcquire('lock', {});
    if (first.status !== 'acquired') throw new Error('skipped');

    await server.kill();
    await server.restart();

    await eventually(() => expect(first.lease.lossReason).toBe('vanished'), { within: 30_000 });
    expect(await manager.tryAcquire('lock', {})).toMatchObject({ status: 'acquired' });
  }, 60_000);

  it('is kept if the data is there again', async () => {
    const server = await RedisServer.start({ appendonly: true, args: ['--appendfsync', 'always'] });
    const { manager } = await openManager(server.url, 500, RARELY);
    const acquired = await manager.tryAcquire('lock', {});
    if (acquired.status !== 'acquired') throw new Error('skipped');
    await server.client().pexpire('locks:lock', 400_000);

    await server.kill();
    await server.restart();

    const client = server.client();
    await eventually(async () => expect(await client.pttl('locks:lock')).toBeGreaterThan(500_000), {
      within: 30_000,
    });
    expect(acquired.lease.held).toBe(true);
  }, 60_000);
});
