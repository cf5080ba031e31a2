import { uptime } from 'node:os';
import { EntryFiles } from '../../../../lib/stores/local/entry-files.js';
import type { Stamp } from '../../../../lib/stores/local/local-entry.js';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { ended } from '../../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../../support/eventually.js';
import {
  canContain,
  onAnotherMachine,
  ownPids,
  ownPidsWithoutProc,
  withPidsOf,
} from './support/containers.js';
import { StoreProcess } from './support/store-process.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const LONG = 600_000;
const DAY = 24 * 60 * 60 * 1000;
const contained = canContain ? it : it.skip;
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

describe('a lock whose holder is on another machine, in a folder that is shared unnoticed', () => {
  describe.each([
    ['longer', 1_000_000],
    ['shorter', -Math.floor(uptime() / 2)],
  ])('that has been up for a %s time', (_, ahead) => {
    contained('is busy for its whole TTL, and released by its holder only', async () => {
      const other = await anotherMachine(ahead);
      await other.acquire(theirs);

      const reply = await store.acquire(ours, WITHIN);
      expect(reply).toMatchObject({ status: 'busy', owner: 'theirs' });
      if (reply.status === 'busy') expectNearly(reply.remaining, LONG);
      await expect(other.release(theirs)).resolves.toBe('held');

      await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
      await expect(other.acquire(theirs)).resolves.toMatchObject({ status: 'busy', owner: 'ours' });
    });

    contained('is free once that was killed and the TTL is over, not before', async () => {
      const other = await anotherMachine(ahead);
      const before = performance.now();
      await other.acquire({ ...theirs, ttl: 2000 });
      await other.kill();

      await eventually(async () => (await store.acquire(ours, WITHIN)).status === 'granted');

      expect(performance.now() - before).toBeGreaterThan(1950);
    });

    contained('is given to those who wait in their order, whichever machine they are on', async () => {
      const other = await anotherMachine(ahead);
      await store.acquire(ours, WITHIN);
      await other.acquire({ ...theirs, waited: 2000 });
      await store.acquire({ ...ours, owner: 'came-later', waited: 1000 }, WITHIN);

      await store.release(ended(ours), WITHIN);

      await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ owner: 'theirs', waiters: 1 });
    });
  });
});

// What another boot of the machine has left looks like what another machine has written.
describe('a lock that was held when the machine was restarted', () => {
  it.each([
    ['a boot of which the id is known', { clock: 'another boot', steady: 0 }],
    ['one that had been up for longer, on a system without such ids', { steady: 1e12 }],
  ])('is free when its TTL has passed on the wall clock: %s', async (_, stamp) => {
    await heldSince({ ...stamp, wall: Date.now() - LONG - 1000 });

    await expect(store.inspect('lock', WITHIN)).resolves.toBeNull();
    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('is busy until then', async () => {
    await heldSince({ clock: 'another boot', steady: 1e12, wall: Date.now() - LONG / 2 });

    const reply = await store.acquire(ours, WITHIN);

    expect(reply).toMatchObject({ status: 'busy' });
    if (reply.status === 'busy') expectNearly(reply.remaining, LONG / 2);
  });

  it('is free when its TTL has passed since it was first seen, if the wall clock was set back', async () => {
    await heldSince({ clock: 'another boot', steady: 1e12, wall: Date.now() + 365 * DAY }, 1000);
    const before = performance.now();
    await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ owner: 'theirs' });

    await eventually(async () => {
      const another = await LocalLockStore.open({ folder, prefix: 'test' });
      const found = await another.inspect('lock', WITHIN);
      await another.close();
      return found === null;
    });

    expect(performance.now() - before).toBeGreaterThan(950);
    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('is listed for as long as it is held', async () => {
    await heldSince({ clock: 'another boot', steady: 1e12, wall: Date.now() - LONG / 2 });
    expect(await listed()).toEqual(['lock']);

    await heldSince({ clock: 'another boot', steady: 0, wall: Date.now() - LONG - 1000 });
    expect(await listed()).toEqual([]);
  });
});

describe('a lock whose holder is a process in another container', () => {
  contained("is busy while that lives, though its pid here is nobody's", async () => {
    const other = await StoreProcess.start(folder, { within: ownPids });
    await other.acquire(theirs);

    await expect(store.acquire(ours, WITHIN)).resolves.toMatchObject({ status: 'busy', owner: 'theirs' });
    await expect(other.release(theirs)).resolves.toBe('held');
    await store.acquire(ours, WITHIN);
    await expect(other.acquire(theirs)).resolves.toMatchObject({ status: 'busy', owner: 'ours' });
  });

  contained('is not judged by the pids of /proc, where those are of the machine', async () => {
    const first = await StoreProcess.start(folder, { within: ownPidsWithoutProc });
    const second = await StoreProcess.start(folder, { within: withPidsOf(first.pid) });
    await first.acquire(theirs);

    await expect(second.acquire(ours)).resolves.toMatchObject({ status: 'busy', owner: 'theirs' });
    await expect(first.release(theirs)).resolves.toBe('held');
  });

  contained('is busy until its TTL is over when that was killed', async () => {
    const other = await StoreProcess.start(folder, { within: ownPids });
    const before = performance.now();
    await other.acquire({ ...theirs, ttl: 1000 });
    await other.kill();

    await eventually(async () => (await store.acquire(ours, WITHIN)).status === 'granted');

    expect(performance.now() - before).toBeGreaterThan(950);
  });
});

async function anotherMachine(ahead: number): Promise<StoreProcess> {
  return StoreProcess.start(folder, { within: onAnotherMachine(await temporaryFolder(), ahead) });
}

/** Lets the lock be one that was acquired then, by a process of this machine that cannot be looked at any more. */
async function heldSince(stamp: Partial<Stamp>, ttl = LONG): Promise<void> {
  const files = new EntryFiles(folder);
  if (!files.read('test:lock')) await store.acquire({ ...theirs, ttl }, WITHIN);
  const stored = files.read('test:lock')!;
  const written = { ...stored.entry!.stamp!, ...stamp };
  const held = { ...stored.entry!.held!, expiresAt: written.steady + ttl };
  files.write('test:lock', { ...stored.entry!, held, stamp: written }, stored);
}

async function listed(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.admin.list('', WITHIN)) names.push(name);
  return names;
}

/** Less by no more than a slow machine takes to ask. */
function expectNearly(remaining: number, expected: number): void {
  expect(remaining).toBeLessThanOrEqual(expected + 100);
  expect(remaining).toBeGreaterThan(expected - 60_000);
}
