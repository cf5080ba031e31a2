import { randomUUID } from 'node:crypto';
import { etcdStore, type EtcdStoreOptions } from '../../../lib/stores/etcd/index.js';
import type { AcquireRequest, LockStore } from '../../../lib/stores/lock-store.js';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { eventually } from '../../support/eventually.js';
import { callEtcd, etcdUrl, startEtcdServer } from '../../support/servers/etcd-server.js';
import { ServerProcess } from '../../support/servers/server-process.js';

const WITHIN = 5000;
const TTL = 60_000;
const logger = { log() {}, warn() {}, error() {}, debug() {} };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function wanted(name = 'a'): AcquireRequest {
  return { name, owner: randomUUID().replaceAll('-', ''), holder: '{}', ttl: TTL };
}

describe('the etcd store', () => {
  const stores: LockStore[] = [];
  let server: ServerProcess;

  beforeEach(async () => {
    server = await startEtcdServer();
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await ServerProcess.closeAll();
  });

  async function open(options: Partial<EtcdStoreOptions> = {}): Promise<LockStore> {
    const context = { prefix: 'shop', logger, outages: new OutageLog(logger), env: {} };
    const store = await etcdStore({ endpoints: etcdUrl(server), ...options }).open(context);
    stores.push(store);
    return store;
  }

  it('keeps what it holds over a crash of the server, and says that it is back', async () => {
    const store = await open();
    let reconnected = 0;
    store.onReconnected!(() => reconnected++);
    const held = wanted();
    expect(await store.acquire(held, WITHIN)).toMatchObject({ status: 'granted' });

    await server.kill();
    await expect(store.renew([held], 300)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    await expect(store.acquire(wanted('b'), 300)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      mayHaveRun: false,
    });

    await server.restart();
    await eventually(async () => expect(await store.renew([held], WITHIN)).toEqual(['held']));
    expect(reconnected).toBe(1);
  });

  it('does not wait longer than it may for a server that stands still', async () => {
    const store = await open();
    await store.acquire(wanted(), WITHIN);
    await server.pause();
    const begun = performance.now();
    await expect(store.acquire(wanted('b'), 400)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    expect(performance.now() - begun).toBeLessThan(400 + 2000);
    server.resume();
    await eventually(async () =>
      expect(await store.acquire(wanted('c'), WITHIN)).toMatchObject({ status: 'granted' }),
    );
  });

  it('has lost what it held when its lease is gone, and acquires again with another', async () => {
    const store = await open();
    const held = wanted();
    await store.acquire(held, WITHIN);
    const { leases } = await callEtcd<{ leases: { ID: string }[] }>(server, 'lease/leases', {});
    for (const { ID } of leases) await callEtcd(server, 'lease/revoke', { ID });

    expect(await store.inspect('a', WITHIN)).toBeNull();
    expect(await store.renew([held], WITHIN)).toEqual(['vanished']);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('frees the lock of an owner that does not renew it, while its process lives', async () => {
    const [one, two] = [await open(), await open()];
    await one.acquire({ ...wanted(), ttl: 300 }, WITHIN);
    await one.acquire({ ...wanted('b'), ttl: 300 }, WITHIN);
    await eventually(async () =>
      expect(await two.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' }),
    );
  });

  it('logs in with a password, and again when the server has forgotten that', async () => {
    const password = 'secret';
    await callEtcd(server, 'auth/user/add', { name: 'root', password });
    await callEtcd(server, 'auth/user/grant', { user: 'root', role: 'root' });
    await callEtcd(server, 'auth/user/add', { name: 'locks', password });
    await callEtcd(server, 'auth/role/add', { name: 'locks' });
    const range = { key: base64('exclusive-lock/'), range_end: base64('exclusive-lock0') };
    await callEtcd(server, 'auth/role/grant', { name: 'locks', perm: { permType: 'READWRITE', ...range } });
    await callEtcd(server, 'auth/user/grant', { user: 'locks', role: 'locks' });
    await callEtcd(server, 'auth/enable', {});

    const nobody = await open();
    const stranger = await open({ username: 'locks', password: 'guessed' });
    for (const store of [nobody, stranger])
      await expect(store.acquire(wanted(), WITHIN)).rejects.toMatchObject({
        refused: true,
        mayHaveRun: false,
      });

    const store = await open({ username: 'locks', password });
    const held = wanted();
    expect(await store.acquire(held, WITHIN)).toMatchObject({ status: 'granted' });
    await callEtcd(server, 'auth/authenticate', { name: 'root', password }).then(async (reply) => {
      const { token } = reply as { token: string };
      await fetch(`${etcdUrl(server)}/v3/auth/user/changepw`, {
        method: 'POST',
        headers: { authorization: token },
        body: JSON.stringify({ name: 'root', password: 'another' }),
      });
    });
    // The users were changed, so each token of before is refused.
    expect(await store.renew([held], WITHIN)).toEqual(['held']);
    expect(await store.release({ ...held, end: 'unfinished' }, WITHIN)).toBe('held');
  });

  it('gives one lock to one of eight at a time, with fencing tokens that grow', async () => {
    const tokens: number[] = [];
    let holders = 0;
    const replicas = await Promise.all(Array.from({ length: 8 }, () => open()));
    const end = performance.now() + 3000;
    await Promise.all(
      replicas.map(async (store) => {
        while (performance.now() < end) {
          const request = wanted();
          const reply = await store.acquire(request, WITHIN);
          if (reply.status !== 'granted') continue;
          expect(++holders).toBe(1);
          tokens.push(reply.fencingToken);
          await new Promise(setImmediate);
          holders--;
          expect(await store.release({ ...request, end: 'unfinished' }, WITHIN)).toBe('held');
        }
      }),
    );
    expect(tokens.length).toBeGreaterThan(10);
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b));
  });
});
