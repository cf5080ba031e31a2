import { jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EntryFiles } from '../../../../lib/stores/local/entry-files.js';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { UnknownWriteError } from '../../../../lib/stores/local/lock-folder.js';
import { TOKEN_RETENTION, type AcquireRequest } from '../../../../lib/stores/lock-store.js';
import { all } from '../../../../lib/testing/store-contract/checks.js';
import { ended } from '../../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../../support/eventually.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const onPosix = process.getuid ? it : it.skip;
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

  it('grants a lock to one owner, and to the next when it is released', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);

    await expect(store.acquire(request('other'), WITHIN)).resolves.toMatchObject({
      status: 'busy',
      owner: 'mine',
    });
    await expect(store.release(ended(request('other')), WITHIN)).resolves.toBe('taken');
    await expect(store.release(ended(request('mine')), WITHIN)).resolves.toBe('held');
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
    const requests = ['a', 'b', 'c'].map((name) => ({ name, owner: 'mine', holder: '{}', ttl: 60_000 }));
    await Promise.all(requests.map((each) => store.acquire({ ...each, ttl: 10_000 }, WITHIN)));
    await store.release(ended(requests[1]), WITHIN);

    await expect(store.renew(requests, WITHIN)).resolves.toEqual(['held', 'vanished', 'held']);
    expect((await store.inspect('c', WITHIN))?.remaining).toBeGreaterThan(50_000);
  });

  it('lets a lock expire after its TTL', async () => {
    const store = await openStore();
    await store.acquire(request('mine', { ttl: 50 }), WITHIN);

    await eventually(async () => (await store.inspect('lock', WITHIN)) === null);
  });

  it('grants a tick once, and says by how much a future one is early', async () => {
    const store = await openStore();
    const claim = { kind: 'tick', job: 'cron', time: Date.now() - 1000, rerun: false } as const;
    await store.acquire(request('mine', { claim }), WITHIN);
    await store.release(ended(request('mine')), WITHIN);

    await expect(store.acquire(request('other', { claim }), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
    const later = { ...claim, time: Date.now() + 10_000 };
    const reply = await store.acquire(request('other', { claim: later }), WITHIN);
    expect(reply).toMatchObject({ status: 'early', by: expect.any(Number) });
  });

  it('gives a higher fencing token with every grant, even after it was closed and opened again', async () => {
    const fencingTokens: number[] = [];
    for (const owner of ['1', '2', '3']) {
      const store = await openStore();
      const reply = await store.acquire(request(owner), WITHIN);
      if (reply.status === 'granted') fencingTokens.push(reply.fencingToken);
      await store.release(ended(request(owner)), WITHIN);
      await store.close();
    }

    expect(fencingTokens).toHaveLength(3);
    expect(fencingTokens[1]).toBeGreaterThan(fencingTokens[0]);
    expect(fencingTokens[2]).toBeGreaterThan(fencingTokens[1]);
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
    await expect(second.release(ended(request('mine')), WITHIN)).resolves.toBe('held');
  });

  it('does not block the event loop while it renews many locks', async () => {
    const store = await openStore();
    const requests = Array.from({ length: 300 }, (_, index) => request('mine', { name: `${index}` }));
    for (const each of requests) await store.acquire(each, WITHIN);
    let turns = 0;
    let renewing = true;
    const turn = () => {
      turns++;
      if (renewing) setImmediate(turn);
    };
    turn();

    const replies = await store.renew(requests, WITHIN);
    renewing = false;

    expect(new Set(replies)).toEqual(new Set(['held']));
    expect(turns).toBeGreaterThan(3);
  });

  it('renews as many locks as it can within the time', async () => {
    const store = await openStore();
    const requests = Array.from({ length: 300 }, (_, index) => request('mine', { name: `${index}` }));
    for (const each of requests) await store.acquire(each, WITHIN);
    const now = performance.now.bind(performance);
    // oxlint-disable-next-line typescript/unbound-method -- called with its object below
    const { write } = EntryFiles.prototype;
    let passed = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now() + passed);
    jest.spyOn(EntryFiles.prototype, 'write').mockImplementationOnce(function (this: EntryFiles, ...args) {
      passed = WITHIN;
      return write.apply(this, args);
    });

    const replies = await store.renew(requests, WITHIN);
    jest.restoreAllMocks();

    expect(replies[0]).toBe('held');
    expect(replies.at(-1)).toBeUndefined();
  });

  it('may be closed repeatedly, and then rejects every call as certainly not carried out', async () => {
    const store = await openStore();
    await Promise.all([store.close(), store.close()]);
    await store.close();

    const refusal = { code: 'LOCK_STORE', mayHaveRun: false };
    await expect(store.acquire(request('mine'), WITHIN)).rejects.toMatchObject(refusal);
    await expect(store.release(ended(request('mine')), WITHIN)).rejects.toMatchObject(refusal);
    await expect(store.renew([request('mine')], WITHIN)).rejects.toMatchObject(refusal);
    await expect(store.inspect('lock', WITHIN)).rejects.toMatchObject(refusal);
  });

  it('continues in a new folder after its folder was removed, and reports its locks as vanished', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);
    await rm(folder, { recursive: true });

    await expect(store.renew([request('mine')], WITHIN)).resolves.toEqual(['vanished']);
    await expect(store.acquire(request('again'), WITHIN)).resolves.toMatchObject({ status: 'granted' });
    await expect((await openStore()).inspect('lock', WITHIN)).resolves.toMatchObject({ owner: 'again' });
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  onPosix('uses no folder to which others got access while it ran', async () => {
    const store = await openStore();
    await rm(folder, { recursive: true });
    await mkdir(folder);
    await chmod(folder, 0o777);

    await expect(store.acquire(request('mine'), WITHIN)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      mayHaveRun: false,
      message: expect.stringContaining(`chmod 700 ${folder}`),
    });
  });

  it('continues after empty folders in it were removed', async () => {
    const store = await openStore();
    await rm(join(root(), 'new'), { recursive: true });

    await expect(store.acquire(request('mine'), WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('is refused if a link among its locks leads elsewhere', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);
    const lockFolder = new EntryFiles(folder).folderOf('test:lock');
    await rm(lockFolder, { recursive: true });
    await symlink('/etc', lockFolder);

    await expect(openStore()).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining(`is a symbolic link; remove ${lockFolder}`),
    });
  });

  it('lists nothing after its folder was removed', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);
    await rm(folder, { recursive: true });

    expect(await all(store.admin.list('', WITHIN))).toEqual([]);
  });

  it('keeps one file for each lock', async () => {
    const store = await openStore();
    for (let round = 0; round < 20; round++) {
      await store.acquire(request(`${round}`), WITHIN);
      await store.release(ended(request(`${round}`)), WITHIN);
    }

    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile() && file.name !== 'clock')).toHaveLength(1);
  });

  it('says so if it cannot know whether it has written', async () => {
    const store = await openStore();
    const write = jest.spyOn(EntryFiles.prototype, 'write').mockImplementation(() => {
      throw new UnknownWriteError('unknown');
    });

    await expect(store.acquire(request('mine'), WITHIN)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      mayHaveRun: true,
    });
    write.mockRestore();
  });

  it('gives up in time if others are always faster', async () => {
    const store = await openStore();
    const write = jest.spyOn(EntryFiles.prototype, 'write').mockReturnValue(false);

    await expect(store.acquire(request('mine'), 50)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      mayHaveRun: false,
    });
    write.mockRestore();
  });

  it('treats a lock with a damaged file as free', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);
    const { folder: lockFolder, version } = new EntryFiles(folder).read('test:lock')!;
    await writeFile(join(lockFolder, `${version}`), '');

    await expect(store.inspect('lock', WITHIN)).resolves.toBeNull();
    await expect(store.acquire(request('other'), WITHIN)).resolves.toMatchObject({ status: 'granted' });
    await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ owner: 'other' });
  });

  it('forgets a lock that nobody holds and nobody has used for a day', async () => {
    const store = await openStore();
    for (const name of ['free', 'held', 'recent']) await store.acquire(request('mine', { name }), WITHIN);
    for (const name of ['free', 'recent']) await store.release(ended(request('mine', { name })), WITHIN);
    const files = new EntryFiles(folder);
    for (const name of ['free', 'held']) {
      const stored = files.read(`test:${name}`)!;
      files.write(`test:${name}`, { ...stored.entry!, keepUntil: Date.now() - 1000 }, stored);
    }

    await openStore();

    await eventually(() => files.read('test:free') === undefined);
    expect(files.read('test:held')).toBeDefined();
    expect(files.read('test:recent')).toBeDefined();
    expect(existsSync(files.folderOf('test:free'))).toBe(false);
  });

  it('removes drafts that are an hour old', async () => {
    await openStore();
    const drafts = join(root(), 'new');
    await mkdir(join(drafts, 'old folder'));
    for (const file of ['old folder/1', 'old', 'recent']) await writeFile(join(drafts, file), '');
    const old = new Date(Date.now() - 61 * 60 * 1000);
    for (const name of ['old folder', 'old']) await utimes(join(drafts, name), old, old);

    await openStore();

    await eventually(async () => expect(await readdir(drafts)).toEqual(['recent']));
  });

  it('keeps its files from looking old to cleaners of temporary files', async () => {
    const store = await openStore();
    await store.acquire(request('mine'), WITHIN);
    const { folder: lockFolder, version } = new EntryFiles(folder).read('test:lock')!;
    const paths = [folder, root(), join(root(), 'new'), join(lockFolder, `${version}`)];
    const old = new Date(Date.now() - 10 * TOKEN_RETENTION);
    for (const path of paths) await utimes(path, old, old);

    await openStore();

    for (const path of paths)
      await eventually(async () => expect((await stat(path)).mtimeMs).toBeGreaterThan(old.getTime() + 1000));
  });
});

async function openStore(prefix = 'test'): Promise<LocalLockStore> {
  const store = await LocalLockStore.open({ folder, prefix });
  open.push(store);
  return store;
}

/** Where everything is that belongs to a store. */
function root(): string {
  return join(folder, 'layout-3');
}

function request(owner: string, more: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name: 'lock', owner, holder: '{}', ttl: 60_000, ...more };
}
