import { readdirSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EntryFiles } from '../../../../lib/stores/local/entry-files.js';
import type { LocalEntry } from '../../../../lib/stores/local/local-entry.js';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { MovedMarks } from '../../../../lib/stores/local/moved-marks.js';
import { newEntry, type StoreTime } from '../../../../lib/stores/lock-entry.js';
import type { AcquireReply, Claim } from '../../../../lib/stores/lock-store.js';
import { RunMarks, type RunMark } from '../../../../lib/stores/run-marks.js';
import { ended } from '../../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../../support/eventually.js';
import { StoreProcess } from './support/store-process.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const HOUR = 60 * 60 * 1000;
const AN_HOUR_AGO = Date.now() - HOUR;
const MANY = 300;

let folder: string;
let store: LocalLockStore;
let owners = 0;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = await LocalLockStore.open({ folder, prefix: 'test' });
});
afterEach(async () => {
  await StoreProcess.killAll();
  await store.close();
});
afterAll(removeTemporaryFolders);

describe('a lock that remembers many runs', () => {
  it('knows each completed key, and writes few of them each time', async () => {
    for (let i = 0; i < MANY; i++) await run(key(i));

    for (let i = 0; i < MANY; i++) expect(await ask(key(i))).toMatchObject({ status: 'done' });
    expect(await ask(key(MANY))).toMatchObject({ status: 'granted' });
    expect(sizeOfLock()).toBeLessThan(8000);
  });

  it('knows the last tick of each job', async () => {
    const time = AN_HOUR_AGO;
    for (let i = 0; i < MANY; i++) await run(tick(i, time));

    for (let i = 0; i < MANY; i++) {
      expect(await ask(tick(i, time))).toMatchObject({ status: 'done' });
      await run(tick(i, time + 1000));
      expect(await ask(tick(i, time + 1000))).toMatchObject({ status: 'done' });
    }
    expect(sizeOfLock()).toBeLessThan(8000);
  });

  it.each([
    ['a tick', (i: number) => tick(i, AN_HOUR_AGO, false)],
    ['a gap', gap],
  ])('gives back a void claim even if it was moved long ago: %s', async (_, claimOf) => {
    const claim = claimOf(0);
    const unheard = { ...request(), claim };
    await store.acquire(unheard, WITHIN);
    await store.release(ended(unheard), WITHIN);
    for (let i = 1; i < 100; i++) await run(claimOf(i));
    expect(await ask(claim)).toMatchObject({ status: 'done' });

    await store.release(ended(unheard, 'void'), WITHIN);

    for (let i = 100; i < 150; i++) await run(claimOf(i));
    expect(await ask(claim)).toMatchObject({ status: 'granted' });
    expect(await ask(claimOf(1))).toMatchObject({ status: 'done' });
  });

  it('gives back a void claim before it is moved, while others are moved', async () => {
    for (let i = 1; i < 100; i++) await run(gap(i));
    const unheard = { ...request(), claim: gap(0) };
    await store.acquire(unheard, WITHIN);
    await store.release(ended(unheard, 'void'), WITHIN);
    for (let i = 100; i < 150; i++) await run(gap(i));

    expect(await ask(gap(0))).toMatchObject({ status: 'granted' });
  });

  it('keeps no expired marks', async () => {
    for (let i = 0; i < MANY; i++) await run({ ...key(i), remember: 1 });

    const next = await LocalLockStore.open({ folder, prefix: 'test' });

    await eventually(() => expect(folders()).toHaveLength(1));
    await next.close();
  });

  it('appears once in a listing, and its marks do not', async () => {
    for (let i = 0; i < 50; i++) await run(key(i));
    await store.acquire(request(), WITHIN);

    const names: string[] = [];
    for await (const { name } of store.admin.list('', WITHIN)) names.push(name);

    expect(names).toEqual(['lock']);
  });

  it('runs each key once in several processes, one of which is killed', async () => {
    const log = join(folder, 'log');
    await writeFile(log, '');
    const processes = await Promise.all([1, 2, 3, 4].map(() => StoreProcess.start(folder)));
    const [doomed, ...others] = processes;
    void doomed.runEach('lock', 400, log).catch(() => undefined);
    const done = others.map((other) => other.runEach('lock', 400, log));
    await eventually(async () => (await readFile(log, 'utf8')).split('\n').length > 50, { within: 60_000 });
    await doomed.kill();
    await Promise.all(done);

    const ran = (await readFile(log, 'utf8')).trim().split('\n').map(Number);
    const twice = ran.filter((value, index) => ran.indexOf(value) !== index);
    expect(new Set(ran).size).toBe(400);
    // What the one that was killed had begun, and not completed.
    expect(twice.length).toBeLessThanOrEqual(1);
    expect(sizeOfLock()).toBeLessThan(8000);
  }, 120_000);
});

describe('a process that was stopped while it moved a mark', () => {
  const claim = gap(0);
  const time: StoreTime = { steady: 0, wall: Date.now() };
  let moved: MovedMarks;
  beforeEach(() => {
    moved = new MovedMarks(new EntryFiles(folder));
  });

  it('does not overwrite a mark that was moved later', () => {
    moved.moveOut('lock', entryWith(mark(2)), 2, undefined, time);
    moved.moveOut('lock', entryWith(mark(1)), 1, undefined, time);

    expect(moved.bringBack('lock', movedEntry(), claim, time)).toMatchObject({ time: 2 });
  });

  it('does not bring back a mark that was deleted since', () => {
    moved.forget('lock', movedEntry(), claim, mark(1), 2, time);
    moved.moveOut('lock', entryWith(mark(1)), 1, undefined, time);

    expect(moved.bringBack('lock', movedEntry(), claim, time)).toBeUndefined();
  });

  it('does not hide a mark that was made after the last one was deleted', () => {
    moved.forget('lock', movedEntry(), claim, mark(1), 2, time);
    moved.moveOut('lock', entryWith(mark(3)), 3, undefined, time);

    expect(moved.bringBack('lock', movedEntry(), claim, time)).toMatchObject({ time: 3 });
  });

  function mark(at: number): RunMark {
    return { time: at, state: 'done', owner: 'x', until: time.wall + HOUR };
  }

  /** The first of so many that it is moved. */
  function entryWith(first: RunMark): LocalEntry {
    const others = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`gap:${i + 1}`, mark(0)]));
    return { ...newEntry(), marks: new RunMarks({ 'gap:0': first, ...others }) };
  }
});

/** Whose marks have all been moved. */
function movedEntry(): LocalEntry {
  return { ...newEntry(), hasMoved: true };
}

function request() {
  return { name: 'lock', owner: `${++owners}`, holder: '{}', ttl: 60_000 };
}

async function run(claim: Claim): Promise<void> {
  const running = { ...request(), claim };
  expect(await store.acquire(running, WITHIN)).toMatchObject({ status: 'granted' });
  await store.release(ended(running, 'completed'), WITHIN);
}

/** If it is granted, it is void. */
async function ask(claim: Claim): Promise<AcquireReply> {
  const asked = { ...request(), claim };
  const reply = await store.acquire(asked, WITHIN);
  if (reply.status === 'granted') await store.release(ended(asked, 'void'), WITHIN);
  return reply;
}

function key(i: number): Claim & { kind: 'key' } {
  return { kind: 'key', job: `${i}`, remember: HOUR };
}

function gap(i: number): Claim {
  return { kind: 'gap', job: `${i}`, gap: HOUR };
}

function tick(i: number, time: number, rerun = true): Claim {
  return { kind: 'tick', job: `${i}`, time, rerun };
}

/** Of the file that is written with each change of the lock, in bytes. */
function sizeOfLock(): number {
  const { folder: lockFolder, version } = new EntryFiles(folder).read('test:lock')!;
  return statSync(join(lockFolder, `${version}`)).size;
}

/** Of all entries. */
function folders(): string[] {
  const { root } = new EntryFiles(folder);
  return readdirSync(root)
    .filter((name) => name.length === 2)
    .flatMap((bucket) => readdirSync(join(root, bucket)));
}
