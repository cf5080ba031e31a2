import { jest } from '@jest/globals';
import { Socket } from 'node:net';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { closeEverything, openStore, wanted, WITHIN } from './support/redis-stores.js';

const CALLS = 64;

describe('many calls of one turn', () => {
  let server: RedisServer;

  beforeEach(async () => {
    server = await RedisServer.start();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await closeEverything();
  });

  it('are all answered, and take two system calls to send', async () => {
    const { store } = await openStore(server.url);
    await warmUp(store);
    const written = [
      jest.spyOn(Socket.prototype, '_write'),
      jest.spyOn(Socket.prototype, '_writev' as never),
    ];

    const replies = await acquireMany(store);

    expect(replies.map(({ status }) => status)).toEqual(Array(CALLS).fill('granted'));
    expect(written.flatMap(({ mock }) => mock.calls)).toHaveLength(2);
  });

  it('are all answered where the connection is cut while they are sent, and calls after them too', async () => {
    const proxy = await TcpProxy.start(server.port);
    const { store } = await openStore(`redis://127.0.0.1:${proxy.port}`);
    await warmUp(store);

    const calls = acquireMany(store, 3000);
    proxy.cut();
    proxy.heal();

    expect((await calls).map(({ status }) => status)).toEqual(Array(CALLS).fill('granted'));
    expect(await store.acquire(wanted('later'), WITHIN)).toMatchObject({ status: 'granted' });
  });
});

/** Loads the scripts. */
async function warmUp(store: RedisLockStore): Promise<void> {
  await store.acquire(wanted('warm-up'), WITHIN);
}

function acquireMany(store: RedisLockStore, within = WITHIN) {
  return Promise.all(Array.from({ length: CALLS }, (_, i) => store.acquire(wanted(`lock-${i}`), within)));
}
