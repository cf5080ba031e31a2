import { logLines } from '../support/apps.js';
import {
  acquire,
  check,
  expectCleanExit,
  LOCK,
  machineTime,
  startContenders,
  TTL,
} from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { event, expectExclusion } from '../support/history.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ReplicaProcess } from '../support/replica-process.js';

const KEY = `exclusive-lock:${LOCK}`;

afterEach(async () => {
  await ReplicaProcess.killAll();
  await RedisServer.closeAll();
});

describe('a lease, when Redis', () => {
  it('is killed and comes back empty, is lost as soon as the holder knows that; the next holder has a higher token', async () => {
    const server = await RedisServer.start();
    const holder = await startHolder(server);
    await server.kill();
    await server.restart();
    expect(await holder.waitFor(event('aborted'))).toMatchObject({ reason: 'vanished' });
    const [other] = await startContenders(1, { redis: server.url });
    await acquire(other);
    expectExclusion([holder, other]);
    await Promise.all([holder, other].map(expectCleanExit));
  });

  it('is killed and comes back with its data, is kept', async () => {
    const server = await RedisServer.start({ appendonly: true, args: ['--appendfsync', 'always'] });
    const ttl = 5 * TTL;
    const holder = await startHolder(server, ttl);
    await server.kill();
    await server.restart();
    const client = server.client();
    await eventually(async () => (await client.pttl(KEY)) > ttl * 0.7);
    expect(await check(holder)).toMatchObject({ held: true });
  });

  it('stops, is lost before the lock can expire, and can be acquired again when Redis goes on', async () => {
    const server = await RedisServer.start();
    const holder = await startHolder(server);
    const pausedAt = machineTime();
    await server.pause();
    const aborted = await holder.waitFor(event('aborted'));
    expect(aborted).toMatchObject({ reason: 'store-unavailable' });
    // No renewal can have been answered after the pause began.
    expect((aborted['unaborted'] as { at: number }).at - pausedAt).toBeLessThan(TTL);
    server.resume();
    await acquire(holder);
    expect(logLines(holder, 'error')).toHaveLength(1);
    expect(logLines(holder, 'log').filter((line) => line.includes('is back'))).toHaveLength(1);
    await expectCleanExit(holder);
  });

  it('stops for two thirds of the TTL, is kept, because a failed renewal is retried', async () => {
    const ttl = 3 * TTL;
    const server = await RedisServer.start();
    const [holder] = await startContenders(1, { redis: server.url, ttl });
    const { at } = await acquire(holder);
    await server.pause();
    // The renewal is sent at a third of the TTL, and given up at two thirds.
    await eventually(() => machineTime() - Number(at) > ttl * 0.72);
    server.resume();
    const client = server.client();
    await eventually(async () => (await client.pttl(KEY)) > ttl * 0.8);
    expect(await check(holder)).toMatchObject({ held: true });
    expect(holder.events.filter(event('aborted'))).toEqual([]);
  });

  it('is flushed, is lost as vanished', async () => {
    const server = await RedisServer.start();
    const holder = await startHolder(server);
    await server.client().flushall();
    expect(await holder.waitFor(event('aborted'))).toMatchObject({ reason: 'vanished' });
  });

  it('loses only the lock itself, is lost as vanished', async () => {
    const server = await RedisServer.start();
    const holder = await startHolder(server);
    await server.client().del(KEY);
    expect(await holder.waitFor(event('aborted'))).toMatchObject({ reason: 'vanished' });
  });

  it('gives the lock to somebody else, is lost as taken, and its release does not change the new lock', async () => {
    const server = await RedisServer.start();
    const holder = await startHolder(server);
    const client = server.client();
    await client.set(KEY, '"of another program"', 'PX', 60_000);
    expect(await holder.waitFor(event('aborted'))).toMatchObject({ reason: 'taken' });
    holder.send({ do: 'release' });
    await holder.waitFor(event('released'));
    expect(await client.get(KEY)).toBe('"of another program"');
    await expectCleanExit(holder);
    expect(await client.get(KEY)).toBe('"of another program"');
  });

  it('forgets its scripts repeatedly, is kept', async () => {
    const server = await RedisServer.start();
    const holder = await startHolder(server);
    const client = server.client();
    const end = machineTime() + 2 * TTL;
    while (machineTime() < end) await client.script('FLUSH');
    expect(await check(holder)).toMatchObject({ held: true });
    holder.send({ do: 'release' });
    await holder.waitFor(event('released'));
    expect(await client.exists(KEY)).toBe(0);
    await expectCleanExit(holder);
  });
});

async function startHolder(server: RedisServer, ttl = TTL): Promise<ReplicaProcess> {
  const [holder] = await startContenders(1, { redis: server.url, ttl, commandTimeout: 500 });
  await acquire(holder);
  return holder;
}
