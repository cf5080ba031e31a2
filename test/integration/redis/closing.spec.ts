import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openStore, timed, wanted } from './support/redis-stores.js';

describe('closing a Redis store', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): number => unhandled.push(reason);
  beforeEach(() => process.on('unhandledRejection', note));
  afterEach(async () => {
    await closeEverything();
    process.off('unhandledRejection', note);
    expect(unhandled.splice(0)).toEqual([]);
  });

  it('rejects the calls that wait for their reply', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    await server.pause();
    const before = openHandles();
    const calls = Array.from({ length: 20 }, (_, i) => timed(() => store.acquire(wanted(`${i}`), 30_000)));
    await new Promise(setImmediate); // they are sent now
    await store.close();
    for (const { error, ms } of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
      expect(ms).toBeLessThan(500);
    }
    await eventually(() => expect(openHandles()).toBeLessThan(before));
  });

  it('rejects the calls that wait for a connection, at once', async () => {
    const server = await RedisServer.start();
    const handles = openHandles();
    const { store, log } = await openStore(server.url);
    await server.kill();
    await eventually(() => log.errors.length === 1);
    const calls = Array.from({ length: 20 }, (_, i) => timed(() => store.acquire(wanted(`${i}`), 30_000)));
    await store.close();
    for (const { error, ms } of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false });
      expect(error?.message).toContain('the store is closed');
      expect(ms).toBeLessThan(500);
    }
    await eventually(() => expect(openHandles()).toBeLessThanOrEqual(handles));
    expect(log.infos).toEqual([]);
  });

  it('leaves nothing that keeps the process alive', async () => {
    const server = await RedisServer.start();
    const handles = openHandles();
    const { store } = await openStore(server.url);
    await store.acquire(wanted(), 30_000);
    await store.close();
    await store.close();
    await eventually(() => expect(openHandles()).toBeLessThanOrEqual(handles));
  });

  it('rejects calls made afterwards', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    await store.close();
    const { error, ms } = await timed(() => store.acquire(wanted(), 30_000));
    expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false });
    expect(ms).toBeLessThan(100);
  });
});

/** Sockets that are open, whether or not they keep the process alive. */
const sockets = new Set<Socket>();
subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket };
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});

/** Those, and the referenced timers of this process. */
function openHandles(): number {
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout');
  return sockets.size + timers.length;
}
