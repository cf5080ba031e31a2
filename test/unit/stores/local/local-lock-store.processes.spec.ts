import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EntryFiles } from '../../../../lib/stores/local/entry-files.js';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { GRANT_TIMEOUT } from '../../../../lib/stores/lock-store.js';
import type { LocalHeld } from '../../../../lib/stores/local/local-entry.js';
import { ended } from '../../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../../support/eventually.js';
import { ownTime } from '../../../support/own-time.js';
import { faketimeLibrary } from '../../../support/faketime.js';
import { StoreProcess } from './support/store-process.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const LONG = 600_000;
const FAKETIME = faketimeLibrary();
const onLinux = process.platform === 'linux' ? it : it.skip;
const theirs = { name: 'lock', owner: 'theirs', holder: '{}', ttl: LONG };
const ours = { name: 'lock', owner: 'ours', holder: '{}', ttl: LONG };

let folder: string;
let store: LocalLockStore;

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

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'busy', owner: 'theirs' });
    await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ owner: 'theirs' });
    await expect(other.release(theirs)).resolves.toBe('held');
  });

  it('is free as soon as that process has been killed', async () => {
    const other = await holder();
    await other.kill();

    await expect(store.inspect('lock', WITHIN)).resolves.toBeNull();
    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('is not given to a waiter whose process has been killed, but to the next', async () => {
    const other = await holder();
    await other.release(theirs);
    await store.acquire(ours, WITHIN);
    const [dead, next] = [
      { ...theirs, waited: 1000 },
      { name: 'lock', owner: 'next', holder: '{}', ttl: LONG, waited: 0 },
    ];
    await other.acquire(dead);
    await store.acquire(next, WITHIN);
    await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ waiters: 2 });
    await other.kill();

    await store.release(ended(ours), WITHIN);

    await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ owner: 'next', waiters: 0 });
  });

  it('is kept for a while for a waiter that does not ask', async () => {
    const other = await holder();
    await other.release(theirs);
    await store.acquire(ours, WITHIN);
    await other.acquire({ ...theirs, waited: 0 });

    await store.release(ended(ours), WITHIN);

    const given = await store.inspect('lock', WITHIN);
    expect(given).toMatchObject({ owner: 'theirs' });
    expect(given?.remaining).toBeLessThanOrEqual(GRANT_TIMEOUT);
    await other.kill();
    await expect(store.inspect('lock', WITHIN)).resolves.toBeNull();
  });

  it('is requested now and then by a waiter, since a process that is killed sends no message', async () => {
    const other = await holder();
    let notified = 0;
    const unwatch = store.queue.watch('lock', () => notified++);
    await other.kill();
    const before = notified;

    await eventually(() => notified > before + 2);

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
    unwatch();
  });

  onLinux('is free when that process is a zombie that nobody has buried', async () => {
    const other = await holder({ unreaped: true });
    other.killOnly();
    await eventually(() => readFileSync(`/proc/${other.pid}/stat`, 'latin1').includes(') Z '));

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  onLinux('is free when its pid belongs to a process that has started at another time', async () => {
    await holder();
    rewriteHeld((held) => ({ ...held, process: { ...held.process, start: '1' } }));

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });
});

describe('processes that want the same lock', () => {
  it('lose no update of the data that it guards', async () => {
    const file = join(folder, 'counter');
    await writeFile(file, '0');
    const counters = await Promise.all([start(), start(), start()]);

    await Promise.all(counters.map((counter) => counter.count(file, 50)));

    await expect(readFile(file, 'utf8')).resolves.toBe('150');
  });

  it('keep writing while the event loop of one is blocked', async () => {
    const other = await start();
    await other.block(3000);

    expect(await timed(() => store.acquire(ours, WITHIN))).toBeLessThan(1500);
  });

  it('do not wait for a process that was stopped in the middle of a write', async () => {
    const other = await start();
    other.writeOn('written all the time');
    await eventually(() => store.inspect('written all the time', WITHIN));

    for (let round = 0; round < 30; round++) {
      await sleep(Math.random() * 20);
      await other.stop();
      const request = { ...ours, name: `another ${round}` };
      expect(await timed(() => store.acquire(request, WITHIN))).toBeLessThan(500);
      await expect(store.inspect(request.name, WITHIN)).resolves.toMatchObject({ owner: 'ours' });
      other.goOn();
    }
  });

  it('get the lock of a process that was stopped in the middle of a write when its TTL is over', async () => {
    const other = await start();
    const name = 'written all the time';
    other.writeOn(name);

    for (let round = 0; round < 10; round++) {
      await sleep(Math.random() * 20);
      await other.stop();
      await eventually(async () => (await store.acquire({ ...ours, name }, WITHIN)).status === 'granted');
      other.goOn();
      await sleep(5);
      await expect(store.release(ended({ ...ours, name }), WITHIN)).resolves.toBe('held');
    }
  });

  it('continue with the files of processes that were killed in the middle of a write', async () => {
    for (let round = 0; round < 5; round++) {
      const others = await Promise.all([start(), start()]);
      for (const other of others) other.writeOn('lock');
      await sleep(Math.random() * 50);
      await Promise.all(others.map((other) => other.kill()));

      await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
      await expect(store.release(ended(ours), WITHIN)).resolves.toBe('held');
    }
  });

  it('open a new folder at the same moment', async () => {
    for (let round = 0; round < 3; round++) {
      const fresh = join(folder, `${round}`);
      const others = await Promise.all([1, 2, 3, 4, 5].map(() => StoreProcess.start(fresh)));

      const exits = await Promise.all(others.map((other) => other.churn(['a', 'b', 'c'], 60)));

      expect(exits).toEqual([0, 0, 0, 0, 0]);
    }
  });

  (FAKETIME ? it : it.skip)(
    'agree on the time of ticks even if the clock of one is an hour ahead',
    async () => {
      const env = { LD_PRELOAD: FAKETIME!, FAKETIME: '+1h', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
      const ahead = await start({ env });
      const claim = { kind: 'tick', job: 'cron', time: Date.now() + 60_000, rerun: false } as const;

      expect(await ahead.now()).toBeGreaterThan(Date.now() + 3_000_000);
      const reply = await ahead.acquire({ ...theirs, claim });
      if (reply.status !== 'early') throw new Error(`expected early, got ${reply.status}`);

      expect(reply.by).toBeGreaterThan(50_000);
      expect(reply.by).toBeLessThan(61_000);
    },
  );
});

function start(options: { env?: Record<string, string>; unreaped?: boolean } = {}): Promise<StoreProcess> {
  return StoreProcess.start(folder, options);
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const before = ownTime();
  await call();
  return ownTime() - before;
}

/** A process that holds the lock. */
async function holder(options: { unreaped?: boolean } = {}): Promise<StoreProcess> {
  const other = await start(options);
  await other.acquire(theirs);
  return other;
}

function rewriteHeld(change: (held: LocalHeld) => LocalHeld): void {
  const files = new EntryFiles(folder);
  const stored = files.read('test:lock')!;
  files.write('test:lock', { ...stored.entry!, held: change(stored.entry!.held!) }, stored);
}
