import { appendFile, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { LockDatabase } from '../../../../lib/stores/local/lock-database.js';
import { STATE_RETENTION, type AcquireRequest } from '../../../../lib/stores/lock-store.js';
import { eventually } from '../../../support/eventually.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const open: LocalLockStore[] = [];
let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => Promise.all(open.splice(0).map((store) => store.close())));
afterAll(removeTemporaryFolders);

describe('a local store', () => {
  it('says where it is', async () => {
    expect((await openStore()).description).toBe(`local store in ${folder}`);
  });

  it('grants a lock to one, and gives it to the next when it is released', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);

    await expect(store.acquire(request('other'), WITHIN)).resolves.toMatchObject({
      status: 'busy',
      record: 'mine',
    });
    await expect(store.release(request('other'), WITHIN)).resolves.toBe('taken');
    await expect(store.release(request('mine'), WITHIN)).resolves.toBe('held');
    await expect(store.inspect('lock', WITHIN)).resolves.toBeNull();
    await expect(store.acquire(request('other'), WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('keeps locks with different prefixes apart', async () => {
    await (await openStore()).acquire(request('mine'), WITHIN);
    const other = await openStore('another');

    await expect(other.acquire(request('other'), WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('renews many locks in one call', async () => {
    const store = await openStore();
    const requests = ['a', 'b', 'c'].map((name) => ({ name, record: 'mine', ttl: 60_000 }));
    await Promise.all(requests.map((each) => store.acquire({ ...each, ttl: 10_000 }, WITHIN)));
    await store.release(requests[1], WITHIN);

    await expect(store.renew(requests, WITHIN)).resolves.toEqual(['held', 'vanished', 'held']);
    expect((await store.inspect('c', WITHIN))?.remaining).toBeGreaterThan(50_000);
  });

  it('lets a lock end with its time', async () => {
    const store = await openStore();
    await store.acquire(request('mine', { ttl: 50 }), WITHIN);

    await eventually(async () => (await store.inspect('lock', WITHIN)) === null);
  });

  it('grants a tick once, and says how early one is that is still to come', async () => {
    const store = await openStore();
    const tick = { series: 'cron', time: Date.now() - 1000 };
    await store.acquire(request('mine', { tick }), WITHIN);
    await store.release(request('mine'), WITHIN);

    await expect(store.acquire(request('other', { tick }), WITHIN)).resolves.toEqual({ status: 'done' });
    const later = { series: 'cron', time: Date.now() + 10_000 };
    const reply = await store.acquire(request('other', { tick: later }), WITHIN);
    expect(reply).toEqual({ status: 'early', by: expect.any(Number) });
  });

  it('gives a higher fence with every grant, also after it was closed and opened again', async () => {
    const fences: number[] = [];
    for (const record of ['1', '2', '3']) {
      const store = await openStore();
      const reply = await store.acquire(request(record), WITHIN);
      if (reply.status === 'granted') fences.push(reply.fence);
      await store.release(request(record), WITHIN);
      await store.close();
    }

    expect(fences).toHaveLength(3);
    expect(fences[1]).toBeGreaterThan(fences[0]);
    expect(fences[2]).toBeGreaterThan(fences[1]);
  });

  it('excludes the other stores of its own process', async () => {
    const stores = await Promise.all([openStore(), openStore(), openStore()]);

    const replies = await Promise.all(
      stores.map((store, index) => store.acquire(request(`${index}`), WITHIN)),
    );

    expect(replies.filter(({ status }) => status === 'granted')).toHaveLength(1);
  });

  it('stays usable when another store of its process is closed', async () => {
    const [first, second] = [await openStore(), await openStore()];
    await first.acquire(request('mine'), WITHIN);
    await first.close();

    await expect(second.acquire(request('other'), WITHIN)).resolves.toMatchObject({ status: 'busy' });
    await expect(second.release(request('mine'), WITHIN)).resolves.toBe('held');
  });

  it('shares its database with the CommonJS build of lmdb in the same process', async () => {
    const store = await openStore();
    const lmdb = createRequire(join(process.cwd(), 'package.json'))('lmdb') as typeof import('lmdb');
    const other = lmdb.open(join(folder, 'locks.mdb'), {
      noSubdir: true,
      encoding: 'json',
      useVersions: true,
    });
    await store.acquire(request('mine'), WITHIN);

    const seen = other.get('test:lock') as unknown;
    await other.close();

    expect(seen).toMatchObject({ holder: { record: 'mine' } });
    await expect(store.release(request('mine'), WITHIN)).resolves.toBe('held');
  });

  it('closes as often as it is asked to, and then refuses every call as certainly not done', async () => {
    const store = await openStore();
    await Promise.all([store.close(), store.close()]);
    await store.close();

    const refusal = { code: 'LOCK_STORE', mayHaveRun: false };
    await expect(store.acquire(request('mine'), WITHIN)).rejects.toMatchObject(refusal);
    await expect(store.release(request('mine'), WITHIN)).rejects.toMatchObject(refusal);
    await expect(store.renew([request('mine')], WITHIN)).rejects.toMatchObject(refusal);
    await expect(store.inspect('lock', WITHIN)).rejects.toMatchObject(refusal);
  });

  it('grants nothing more once its files were removed, since others may have new ones', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);
    await rm(folder, { recursive: true });
    await mkdir(folder, { mode: 0o700 });
    await expect((await openStore()).acquire(request('other'), WITHIN)).resolves.toMatchObject({
      status: 'granted',
    });

    const renewed = store.renew([{ name: 'lock', record: 'mine', ttl: 60_000 }], WITHIN);

    await expect(renewed).rejects.toThrow('was removed or replaced');
    await expect(store.acquire(request('mine', { name: 'next' }), WITHIN)).rejects.toMatchObject({
      code: 'LOCK_STORE',
    });
  });

  it('takes disk space beforehand, and does not grow while few locks are used', async () => {
    const store = await openStore();
    const { size } = await stat(join(folder, 'locks.mdb'));

    for (let round = 0; round < 50; round++) {
      await store.acquire(request(`${round}`, { name: `lock ${round}` }), WITHIN);
      await store.release(request(`${round}`, { name: `lock ${round}` }), WITHIN);
    }

    expect(size).toBeGreaterThan(1024 ** 2);
    expect((await stat(join(folder, 'locks.mdb'))).size).toBe(size);
  });

  it('forgets a lock that nobody holds and nobody has used for a day', async () => {
    const store = await openStore();
    for (const name of ['free', 'held', 'recent']) await store.acquire(request('mine', { name }), WITHIN);
    for (const name of ['free', 'recent']) await store.release(request('mine', { name }), WITHIN);
    const database = await LockDatabase.open(join(folder, 'locks.mdb'));
    for (const name of ['free', 'held']) {
      const stored = database.read(`test:${name}`)!;
      await database.write(
        stored.key,
        { ...stored.entry, usedAt: Date.now() - STATE_RETENTION - 1000 },
        stored,
      );
    }

    await openStore();

    await eventually(() => database.read('test:free') === undefined);
    expect(database.scan(undefined, 10).map(({ key }) => key)).toEqual(['test:held', 'test:recent']);
    await database.close();
  });
});

describe('a database file that is damaged', () => {
  it.each([
    ['text', async (file: string) => writeFile(file, 'hello')],
    ['noise', async (file: string) => writeFile(file, Buffer.alloc(65536, 0xa7))],
    ['cut short', async (file: string) => truncate(file, 8192)],
    ['of another format', async (file: string) => patch(file, 28, 1)],
  ])('is refused with a remedy, not by a crash: %s', async (_, damage) => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);
    await store.close();
    await damage(join(folder, 'locks.mdb'));

    await expect(openStore()).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('remove its folder'),
    });
  });

  it('is no file that is empty, nor one that has grown', async () => {
    const file = join(folder, 'locks.mdb');
    await writeFile(file, '');
    await (await openStore()).close();
    await appendFile(file, Buffer.alloc(4096));

    await openStore();

    expect((await stat(file)).size).toBeGreaterThan(4096);
  });
});

async function openStore(prefix = 'test'): Promise<LocalLockStore> {
  const store = await LocalLockStore.open({ folder, prefix });
  open.push(store);
  return store;
}

function request(record: string, more: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name: 'lock', record, ttl: 60_000, ...more };
}

async function patch(file: string, at: number, byte: number): Promise<void> {
  const content = await readFile(file);
  content[at] = byte;
  await writeFile(file, content);
}
