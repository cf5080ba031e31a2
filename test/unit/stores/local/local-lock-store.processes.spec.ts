import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { LockDatabase } from '../../../../lib/stores/local/lock-database.js';
import type { LocalHolder } from '../../../../lib/stores/local/local-entry.js';
import { eventually } from '../../../support/eventually.js';
import { faketimeLibrary } from '../../../support/faketime.js';
import { compileStore } from './support/compiled-store.js';
import { StoreProcess } from './support/store-process.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const LONG = 600_000;
const FAKETIME = faketimeLibrary();
const onLinux = process.platform === 'linux' ? it : it.skip;
const theirs = { name: 'lock', record: 'theirs', ttl: LONG };
const ours = { name: 'lock', record: 'ours', ttl: LONG };

let storeModule: string;
let folder: string;
let store: LocalLockStore;

beforeAll(async () => {
  storeModule = await compileStore();
});
beforeEach(async () => {
  folder = await temporaryFolder();
  store = await LocalLockStore.open({ folder, prefix: 'test' });
});
afterEach(async () => {
  await StoreProcess.killAll();
  await store.close();
});
afterAll(removeTemporaryFolders);

describe('a lock whose holder is another process', () => {
  it('is busy while that process lives', async () => {
    const other = await holder();

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'busy', record: 'theirs' });
    await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ record: 'theirs' });
    await expect(other.release(theirs)).resolves.toBe('held');
  });

  it('is free as soon as that process has been killed', async () => {
    const other = await holder();
    await other.kill();

    await expect(store.inspect('lock', WITHIN)).resolves.toBeNull();
    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  onLinux('is free when that process is a zombie that nobody has buried', async () => {
    const other = await holder({ unreaped: true });
    other.killOnly();
    await eventually(() => readFileSync(`/proc/${other.pid}/stat`, 'latin1').includes(') Z '));

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  onLinux('is free when its pid belongs to a process that has started at another time', async () => {
    await holder();
    await rewriteHolder((holding) => ({ ...holding, process: { ...holding.process, start: '1' } }));

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  onLinux('is free when the machine was restarted since', async () => {
    await holder();
    await rewriteHolder((holding) => ({ ...holding, process: { ...holding.process, boot: 'earlier' } }));

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('is free when it was renewed at a time that has not come since the machine was started', async () => {
    await holder();
    await rewriteHolder((holding) => ({ ...holding, renewedAt: holding.renewedAt + LONG }));

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  onLinux('is not judged by the pid of a process in another container', async () => {
    const other = await holder();
    await other.kill();
    await rewriteHolder((holding) => ({
      ...holding,
      process: { ...holding.process, namespace: 'pid:[1]', boot: 'a container of its own' },
    }));

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'busy', record: 'theirs' });
  });
});

describe('processes that want the same lock', () => {
  it('lose no update of what it guards', async () => {
    const file = join(folder, 'counter');
    await writeFile(file, '0');
    const counters = await Promise.all([start(), start(), start()]);

    await Promise.all(counters.map((counter) => counter.count(file, 50)));

    await expect(readFile(file, 'utf8')).resolves.toBe('150');
  });

  it('write on while the event loop of one is blocked', async () => {
    const other = await start();
    await other.block(3000);

    const before = performance.now();
    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });

    expect(performance.now() - before).toBeLessThan(1500);
  });

  it('get an error in time, with a running event loop, while one is stopped in the middle of a write', async () => {
    await store.acquire({ ...ours, name: 'another' }, WITHIN);
    const other = await start();
    await other.holdWriteLock();
    let turns = 0;
    const turning = setInterval(() => turns++, 1);

    await expect(store.acquire(ours, 200)).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
    await expect(store.acquire({ ...theirs, name: 'another' }, 200)).resolves.toMatchObject({
      status: 'busy',
    });
    clearInterval(turning);

    expect(turns).toBeGreaterThan(10);
  });

  it('leave no lock behind that was given up while another was stopped in the middle of a write', async () => {
    const other = await start();
    await other.holdWriteLock();
    await expect(store.acquire(ours, 50)).rejects.toMatchObject({ mayHaveRun: true });
    await expect(store.release(ours, 50)).rejects.toMatchObject({ mayHaveRun: true });

    await other.kill();

    await expect(store.acquire(theirs, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  (FAKETIME ? it : it.skip)(
    'agree on the time of ticks though the clock of one is an hour ahead',
    async () => {
      const env = { LD_PRELOAD: FAKETIME!, FAKETIME: '+1h', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
      const ahead = await start({ env });
      const tick = { series: 'cron', time: Date.now() + 60_000 };

      expect(await ahead.now()).toBeGreaterThan(Date.now() + 3_000_000);
      const reply = await ahead.acquire({ ...theirs, tick });
      if (reply.status !== 'early') throw new Error(`expected early, got ${reply.status}`);

      expect(reply.by).toBeGreaterThan(50_000);
      expect(reply.by).toBeLessThan(61_000);
    },
  );
});

function start(options: { env?: Record<string, string>; unreaped?: boolean } = {}): Promise<StoreProcess> {
  return StoreProcess.start(storeModule, folder, options);
}

/** A process that holds the lock. */
async function holder(options: { unreaped?: boolean } = {}): Promise<StoreProcess> {
  const other = await start(options);
  await other.acquire(theirs);
  return other;
}

async function rewriteHolder(change: (holding: LocalHolder) => LocalHolder): Promise<void> {
  const database = await LockDatabase.open(join(folder, 'locks.mdb'));
  const stored = database.read('test:lock')!;
  await database.write(stored.key, { ...stored.entry, holder: change(stored.entry.holder!) }, stored);
  await database.close();
}
