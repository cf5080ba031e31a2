import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { queueUp } from '../../../lib/testing/store-contract/queue-up.js';
import { ACL_TO_LIST, ACL_TO_WAIT, MINIMAL_ACL } from './support/acl.js';
import { makeCertificates } from './support/certificates.js';
import { FakeRedis } from './support/fake-redis.js';
import {
  closeEverything,
  openManager,
  openStore,
  timed,
  voided,
  wanted,
  WITHIN,
} from './support/redis-stores.js';

afterEach(closeEverything);

describe('TLS', () => {
  const { ca, caFile, certFile, keyFile } = makeCertificates();
  let server: RedisServer;
  let port: number;
  beforeEach(async () => {
    port = await freePort();
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
    server = await RedisServer.start({
      args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files],
    });
  });

  it('works with a CA of the user, and after a reconnect', async () => {
    const { store } = await openStore({ host: '127.0.0.1', port, tls: { ca } });
    const mine = wanted();
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    await server.client().client('KILL', 'TYPE', 'normal');
    expect(await store.release(mine, WITHIN)).toBe('held');
    expect(store.description).toBe(`rediss://127.0.0.1:${port}/0`);
  });

  it('is copied from a given client', async () => {
    const client = new Redis({ host: '127.0.0.1', port, tls: { ca } });
    const { store } = await openStore(client);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    client.disconnect();
  });

  it('replaces a connection that has gone silent', async () => {
    const { store } = await openStore({ host: '127.0.0.1', port, tls: { ca } });
    await server.pause();
    expect((await timed(() => store.acquire(wanted(), 300))).error).toMatchObject({ mayHaveRun: true });
    await server.kill();
    await server.restart();
    expect(await store.acquire(wanted(), 3000)).toMatchObject({ status: 'granted' });
  });

  it('is checked for rediss://: a certificate of no trusted CA is refused, and the log line says so', async () => {
    const { log } = await openStore(`rediss://127.0.0.1:${port}`);
    expect(log.errors).toHaveLength(1);
    expect(log.errors[0]).toMatch(/certificate/);
  });

  it('logs that the server does not support it', async () => {
    const { store, log } = await openStore(`rediss://127.0.0.1:${server.port}`);
    const { error, ms } = await timed(() => store.acquire(wanted(), WITHIN));
    expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false, cause: expect.anything() });
    expect(ms).toBeLessThan(WITHIN + 300);
    expect(log.errors).toHaveLength(1);
  });
});

/** Those without which connections do their work all the same. */
const OF_CONNECTIONS = ['+info', '+client|setname', '+ping'];

describe('an ACL user', () => {
  const PASSWORD = 'hunter2-is-secret';

  it('needs the commands of the README and no more: after a day of work ACL LOG is empty', async () => {
    const server = await RedisServer.start();
    await server.client().call('ACL', 'SETUSER', 'locks', ...aclOfReadme());
    const { store, log } = await openStore(`redis://locks:password@127.0.0.1:${server.port}`);
    await exercise(store);
    const holder = wanted();
    await store.acquire(holder, WITHIN);
    const waiter = await queueUp(store, wanted());
    await server.client().client('KILL', 'USER', 'locks');
    await queueUp(store, waiter.request);
    await store.release(holder, WITHIN);
    await eventually(() => waiter.notified > 0);

    expect(await server.client().acl('LOG')).toEqual([]);
    expect(log.all).toBe('');
  });

  it.each(MINIMAL_ACL.filter((rule) => rule.startsWith('+') && !OF_CONNECTIONS.includes(rule)))(
    'needs %s',
    async (rule) => {
      const server = await RedisServer.start();
      const rules = MINIMAL_ACL.filter((other) => other !== rule);
      await server.client().acl('SETUSER', 'locker', 'on', `>${PASSWORD}`, ...rules);
      const { store } = await openStore(`redis://locker:${PASSWORD}@127.0.0.1:${server.port}`);
      const { error } = await timed(() => exercise(store));
      expect(error).toMatchObject({ code: 'LOCK_STORE' });
      expect(error?.message).toMatch(/permission|can't run this command|NOPERM/);
    },
  );

  it.each(['+get', '+set', '+exists'])('leaves no lock without an owner if it may not %s', async (rule) => {
    const server = await RedisServer.start();
    const rules = MINIMAL_ACL.filter((other) => other !== rule);
    await server.client().acl('SETUSER', 'locker', 'on', `>${PASSWORD}`, ...rules);
    const { store } = await openStore(`redis://locker:${PASSWORD}@127.0.0.1:${server.port}`);

    await expect(store.acquire(wanted(), WITHIN)).rejects.toMatchObject({ code: 'LOCK_STORE' });

    expect(await server.client().exists('locks:lock')).toBe(0);
  });

  it('is queued and gets the message about its grant with the permissions of the README', async () => {
    const [holder, waiter] = [wanted(), { ...wanted(), waited: 0 }];
    const store = await storeOf([...MINIMAL_ACL, ...ACL_TO_WAIT]);
    let turns = 0;
    store.queue.watch('lock', () => turns++);
    await store.acquire(holder, WITHIN);
    await eventually(async () => expect(await store.acquire(waiter, WITHIN)).toMatchObject({ queued: true }));
    const before = turns;

    await store.release(holder, WITHIN);

    await eventually(() => turns > before);
    expect(await store.acquire(waiter, WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('is queued even without the permission to read the queue', async () => {
    const store = await storeOf([...MINIMAL_ACL, ...ACL_TO_WAIT.filter((rule) => rule !== '+zrange')]);
    const waiter = { ...wanted(), waited: 0 };
    store.queue.watch('lock', () => {});
    await store.acquire(wanted(), WITHIN);

    await eventually(async () => expect(await store.acquire(waiter, WITHIN)).toMatchObject({ queued: true }));
  });

  it.each(['&locks:*', '+subscribe', '+publish'])('waits by polling if it may not %s', async (rule) => {
    const store = await storeOf([...MINIMAL_ACL, ...ACL_TO_WAIT.filter((other) => other !== rule)]);
    const [holder, waiter] = [wanted(), { ...wanted(), waited: 0 }];
    store.queue.watch('lock', () => {});
    await store.acquire(holder, WITHIN);
    for (let i = 0; i < 10; i++) {
      await store.acquire(waiter, WITHIN).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await store.release(holder, WITHIN);

    expect(await store.acquire(waiter, WITHIN)).toMatchObject({ status: 'granted' });
  });

  it.each(['&locks:*', '+subscribe', '+pubsub|numsub'])(
    'gets one warning that says what that costs if it may not %s, and no repeated attempts',
    async (rule) => {
      const server = await RedisServer.start();
      const rules = [...MINIMAL_ACL, ...ACL_TO_WAIT.filter((other) => other !== rule)];
      await server.client().acl('SETUSER', 'locker', 'on', `>${PASSWORD}`, 'resetchannels', ...rules);
      const { store, log } = await openStore(`redis://locker:${PASSWORD}@127.0.0.1:${server.port}`);
      const waiter = { ...wanted(), waited: 0 };
      store.queue.watch('lock', () => {});
      await store.acquire(wanted(), WITHIN);
      const ask = (): Promise<unknown> => store.acquire(waiter, WITHIN);
      await eventually(async () => {
        await ask();
        return log.warnings.length > 0;
      });
      const [made, denied] = await connectionsAndRefusals(server);

      // Longer than the delay after which it connected anew.
      for (let i = 0; i < 50; i++) {
        await ask();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }

      expect(await connectionsAndRefusals(server)).toEqual([made, denied]);
      expect(log.warnings).toHaveLength(1);
      expect(log.warnings[0]).toMatch(/ask ten times a second.*(permission|can't run this command)/);
    },
  );

  it('can list the locks with the permission to scan', async () => {
    const store = await storeOf([...MINIMAL_ACL, ...ACL_TO_LIST]);
    await store.acquire(wanted('job'), WITHIN);
    for await (const { name } of store.admin.list('', WITHIN)) expect(name).toBe('job');
  });

  async function storeOf(rules: readonly string[]) {
    const server = await RedisServer.start();
    await server.client().acl('SETUSER', 'locker', 'on', `>${PASSWORD}`, 'resetchannels', ...rules);
    return (await openStore(`redis://locker:${PASSWORD}@127.0.0.1:${server.port}`)).store;
  }

  it('logs one error line while permissions are missing, and gets locks when it has them', async () => {
    const server = await RedisServer.start();
    const admin = server.client();
    await admin.acl('SETUSER', 'locker', 'on', `>${PASSWORD}`, '~*', '+info');
    const { manager, log } = await openManager(`redis://locker:${PASSWORD}@127.0.0.1:${server.port}`);
    for (let tick = 0; tick < 5; tick++) {
      expect(await manager.tryAcquire('lock', {})).toMatchObject({ reason: 'store-unavailable' });
    }
    await admin.acl('SETUSER', 'locker', '+@all');
    expect(await manager.tryAcquire('lock', {})).toMatchObject({ status: 'acquired' });
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
    expect(log.all).not.toContain(PASSWORD);
  });

  it('logs one error line while the password is wrong, and gets locks when it is right', async () => {
    const server = await RedisServer.start();
    const admin = server.client();
    await admin.acl('SETUSER', 'locker', 'on', '>something-else', '~*', '+@all');
    const { manager, log } = await openManager(`redis://locker:${PASSWORD}@127.0.0.1:${server.port}`);
    for (let tick = 0; tick < 5; tick++) {
      const skipped = await manager.tryAcquire('lock', {});
      expect(skipped).toMatchObject({ reason: 'store-unavailable', error: { cause: expect.anything() } });
      expectNoPassword(skipped);
    }
    expect(log.errors).toHaveLength(1);
    expect(log.errors[0]).toContain('WRONGPASS');
    await admin.acl('SETUSER', 'locker', `>${PASSWORD}`);
    await eventually(async () => (await manager.tryAcquire('lock', {})).status === 'acquired');
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
    expectNoPassword(log);
  });

  it('keeps a wrong password secret, also in a cluster and behind sentinels', async () => {
    const server = await RedisServer.start();
    await server.client().config('SET', 'requirepass', 'something-else');
    const node = { host: '127.0.0.1', port: server.port };
    for (const connection of [
      { cluster: [node], options: { redisOptions: { password: PASSWORD } } },
      { cluster: [`redis://:${PASSWORD}@127.0.0.1:${server.port}`] },
      { sentinels: [node], name: 'main', sentinelPassword: PASSWORD, password: PASSWORD },
    ]) {
      const { store, log } = await openStore(connection);
      const { error } = await timed(() => store.acquire(wanted(), 300));
      expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false, cause: expect.anything() });
      expectNoPassword(error);
      expectNoPassword(log);
      expect(log.errors).toHaveLength(1);
      expect(log.errors[0]).toMatch(/WRONGPASS|NOAUTH/);
    }
  });

  it('keeps its password secret if the server repeats commands that it does not know', async () => {
    const fake = await FakeRedis.start(
      ([name, ...args]) =>
        `-ERR unknown command '${name}', with args beginning with: ${args.map((arg) => `'${arg}'`).join(' ')}\r\n`,
    );
    const { store, log } = await openStore(`redis://locker:${PASSWORD}@127.0.0.1:${fake.port}`);
    const { error } = await timed(() => store.acquire(wanted(), 300));
    expectNoPassword(error);
    expectNoPassword(log);
    expect(log.errors[0]).toContain('unknown command');
  });

  function expectNoPassword(thing: unknown): void {
    expect(inspect(thing, { depth: 9, showHidden: true })).not.toContain(PASSWORD);
    const { message, stack, cause } = (thing ?? {}) as Error;
    expect(`${message} ${stack} ${inspect(cause, { depth: 9, showHidden: true })}`).not.toContain(PASSWORD);
  }
});

/** The rules of the user there, for the prefix of these tests. */
function aclOfReadme(): string[] {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const [, rules = ''] = /ACL SETUSER locks (.*)/.exec(readme) ?? [];
  return rules.replaceAll('exclusive-lock:', 'locks:').split(' ');
}

async function exercise(store: Awaited<ReturnType<typeof openStore>>['store']): Promise<void> {
  const claim = { kind: 'tick', job: '', time: Date.now() - 1000, rerun: true } as const;
  const key = { ...wanted(), claim: { kind: 'key', job: 'v1', remember: 1 } } as const;
  await store.acquire(key, WITHIN);
  await store.release({ ...key, end: 'completed' }, WITHIN);
  // A millisecond later it is forgotten, and the next completion removes it.
  await eventually(async () => (await store.acquire(key, WITHIN)).status === 'granted');
  await store.release({ ...key, end: 'completed' }, WITHIN);
  const mine = { ...wanted(), claim };
  await store.acquire(mine, WITHIN);
  await store.acquire(mine, WITHIN);
  await store.acquire(wanted(), WITHIN);
  await store.renew([mine], WITHIN);
  await store.inspect('lock', WITHIN);
  await store.release(mine, WITHIN);
  await store.acquire({ ...wanted(), claim }, WITHIN);
  const late = { ...wanted('void'), claim };
  await store.acquire(late, WITHIN);
  await store.release(voided(late), WITHIN);
}

/** The latest connection that was made, and how often the user was refused something. */
async function connectionsAndRefusals(server: RedisServer): Promise<[latest: number, refused: number]> {
  const list = String(await server.client().client('LIST'));
  const ids = Array.from(list.matchAll(/^id=(\d+) .* user=locker /gm), ([, id]) => Number(id));
  const entries = (await server.client().acl('LOG')) as unknown[][];
  const counts = entries.map((entry) => Number(entry[entry.indexOf('count') + 1]));
  return [Math.max(...ids), counts.reduce((sum, count) => sum + count, 0)];
}
