import { SCRIPTS } from '../../lib/stores/redis/scripts.js';
import { logLines } from '../support/apps.js';
import {
  acquire,
  check,
  expectCleanExit,
  LOCK,
  machineTime,
  SOON,
  startContenders,
  TTL,
} from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { HANG } from '../support/hang.js';
import { event, expectExclusion } from '../support/history.js';
import { expiryOf } from '../support/redis/expiry-of.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ReplicaProcess, type ReplicaEvent } from '../support/replica-process.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const KEY = `exclusive-lock:${LOCK}`;
/** So long that a lock which is gone was released, and did not expire. */
const LONG = 2 * HANG;
const COMMAND_TIMEOUT = 1000;

let server: RedisServer;
let proxy: TcpProxy;

beforeEach(async () => {
  server = await RedisServer.start();
  // So that each call is one round trip.
  for (const { lua } of Object.values(SCRIPTS)) await server.client().script('LOAD', lua);
  proxy = await TcpProxy.start(server.port);
});

afterEach(async () => {
  await ReplicaProcess.killAll();
  await TcpProxy.closeAll();
  await RedisServer.closeAll();
});

async function startBehindProxy(ttl = TTL): Promise<ReplicaProcess> {
  const redis = `redis://127.0.0.1:${proxy.port}`;
  const [contender] = await startContenders(1, { redis, ttl, commandTimeout: COMMAND_TIMEOUT });
  return contender;
}

describe('an acquisition', () => {
  it('whose reply is lost with the connection finds its own lock when it is repeated', async () => {
    const contender = await startBehindProxy(LONG);
    proxy.hold('toClient');
    contender.send({ do: 'acquire', name: LOCK });
    await proxy.onceBytes('toClient');
    proxy.cut();
    proxy.heal();
    await contender.waitFor(event('acquired', { name: LOCK }));
    expect(await check(contender)).toMatchObject({ held: true });
  });

  it('that is never answered fails in time and leaves no lock behind', async () => {
    const contender = await startBehindProxy(LONG);
    proxy.hold('toClient');
    const askedAt = machineTime();
    contender.send({ do: 'acquire', name: LOCK });
    await proxy.onceBytes('toClient');
    const client = server.client();
    expect(await client.exists(KEY)).toBe(1);
    const failed = await contender.waitFor(event('failed', { code: 'LOCK_STORE' }));
    expect(Number(failed['at']) - askedAt).toBeLessThan(COMMAND_TIMEOUT + SOON);
    proxy.heal();
    await eventually(async () => (await client.exists(KEY)) === 0);
    await acquire(contender);
    await expectCleanExit(contender);
  });

  it('that a stalled server executes long after the caller has given up leaves no lock behind', async () => {
    const contender = await startBehindProxy(LONG);
    await server.pause();
    contender.send({ do: 'acquire', name: LOCK });
    await contender.waitFor(event('failed', { code: 'LOCK_STORE' }));
    server.resume();
    const client = server.client();
    // The fencing token shows that it was carried out.
    await eventually(async () => (await client.get(`{${KEY}}:token`)) !== null);
    await eventually(async () => (await client.exists(KEY)) === 0);
    await acquire(contender);
  });

  it('that is answered with too little of its TTL left fails and is released', async () => {
    const contender = await startBehindProxy();
    proxy.delay('toClient', TTL * 0.8);
    contender.send({ do: 'acquire', name: LOCK });
    expect(await contender.waitFor(event('failed'))).toMatchObject({ code: 'LOCK_STORE' });
    proxy.heal();
    await eventually(async () => (await server.client().exists(KEY)) === 0);
  });
});

describe('a lease, when the network', () => {
  it('drops all packets, is lost before the lock expires, in 100 of 100 runs', async () => {
    const client = server.client();
    const contender = await startBehindProxy(4 * TTL);
    const late: unknown[] = [];
    for (let round = 0; round < 4; round++) {
      const names = Array.from({ length: 25 }, (_, i) => `hole-${round}-${i}`);
      for (const name of names) {
        // Quiet: a check would find out what the signal has to tell by itself.
        contender.send({ do: 'acquire', name, quiet: true });
        await contender.waitFor(event('acquired', { name }));
      }
      proxy.drop('toClient');
      proxy.drop('toServer');
      // Nothing reaches the server any more: this is when each lock will expire.
      const expiries = await Promise.all(names.map((name) => expiryOf(client, `exclusive-lock:${name}`)));
      for (const [i, name] of names.entries()) {
        const { fencingToken } = await contender.waitFor(event('acquired', { name }));
        const aborted = await contender.waitFor(event('aborted', { fencingToken }));
        if (unabortedUntil(aborted) >= expiries[i]) late.push({ name, aborted, expiry: expiries[i] });
      }
      proxy.heal();
    }
    expect(late).toEqual([]);
    expect(contender.events.filter(event('aborted'))).toHaveLength(100);
  });

  it('answers late and then drops all packets, is lost before the lock expires', async () => {
    const contender = await startBehindProxy();
    proxy.delay('toClient', 300);
    contender.send({ do: 'acquire', name: LOCK });
    const { fencingToken } = await contender.waitFor(event('acquired', { name: LOCK }));
    proxy.drop('toServer');
    const expiry = await expiryOf(server.client(), KEY);
    const aborted = await contender.waitFor(event('aborted', { fencingToken }));
    expect(unabortedUntil(aborted)).toBeLessThan(expiry);
  });

  it('answers a renewal late and then drops all packets, is lost before the lock expires', async () => {
    const contender = await startBehindProxy();
    const { fencingToken } = await acquire(contender);
    const client = server.client();
    const granted = await expiryOf(client, KEY);
    proxy.delay('toClient', 200);
    await eventually(async () => (await expiryOf(client, KEY)) > granted);
    proxy.drop('toServer');
    const expiry = await expiryOf(client, KEY);
    const aborted = await contender.waitFor(event('aborted', { fencingToken }));
    expect(unabortedUntil(aborted)).toBeLessThan(expiry);
  });

  it('delays every reply, is kept', async () => {
    const contender = await startBehindProxy();
    await acquire(contender);
    proxy.delay('toClient', 200);
    await new Promise((resolve) => setTimeout(resolve, 2 * TTL));
    expect(await check(contender)).toMatchObject({ held: true });
  });

  it('is cut repeatedly, is kept', async () => {
    const contender = await startBehindProxy();
    await acquire(contender);
    const end = machineTime() + 2 * TTL;
    while (machineTime() < end) {
      proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(await check(contender)).toMatchObject({ held: true });
  });

  it('goes silent, can be acquired again within seconds, with one error line and one line when it is back', async () => {
    const contender = await startBehindProxy();
    await acquire(contender);
    proxy.drop('toClient');
    proxy.drop('toServer');
    await contender.waitFor(event('aborted', { reason: 'store-unavailable' }));
    for (let i = 0; i < 5; i++) contender.send({ do: 'acquire', name: `meanwhile-${i}` });
    await eventually(() => contender.events.filter(event('failed')).length === 5);
    proxy.heal();
    await acquire(contender);
    expect(logLines(contender, 'error')).toHaveLength(1);
    expect(logLines(contender, 'log').filter((line) => line.includes('is back'))).toHaveLength(1);
    expectExclusion([contender]);
    await expectCleanExit(contender);
  });
});

/** The last time, on the wall clock, at which the process ran and the signal had not aborted. */
function unabortedUntil(aborted: ReplicaEvent): number {
  return (aborted['unaborted'] as { wall: number }).wall;
}
