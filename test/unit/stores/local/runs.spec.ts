import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EntryFiles } from '../../../../lib/stores/local/entry-files.js';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { NEVER } from '../../../../lib/stores/job-record.js';
import type { JobRequest, TickClaim } from '../../../../lib/stores/lock-store.js';
import { ended } from '../../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../../support/eventually.js';
import { StoreProcess } from './support/store-process.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const TIME = Date.now() - 60_000;
const PAUSE = { reason: 'the disk is full', by: 'ops', since: TIME };

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

it('a run is abandoned as soon as its process has been killed, long before its lease is over', async () => {
  const other = await StoreProcess.start(folder);
  await other.acquire({ ...request(), claim: tick(0, TIME) });
  expect(await outcomesOf(0)).toEqual(['running']);

  await other.kill();

  expect(await outcomesOf(0)).toEqual(['abandoned']);
});

describe('the records of many jobs that share a lock', () => {
  const JOBS = 30;
  beforeEach(async () => {
    for (let round = 0; round < 12; round++) for (let i = 0; i < JOBS; i++) await run(tick(i, TIME + round));
  });

  it('are all known, though few of them are written each time', async () => {
    for (let i = 0; i < JOBS; i++) expect(await outcomesOf(i)).toEqual(Array(10).fill('succeeded'));

    const states = await store.runs.read(
      Array.from({ length: JOBS }, (_, i) => job(i)),
      WITHIN,
    );
    expect(states.map(({ lastTick }) => lastTick)).toEqual(Array(JOBS).fill(TIME + 11));
    expect(sizeOf('test:lock')).toBeLessThan(40_000);
  });

  it('are paused where they were moved to, and stay so when others are run and resumed', async () => {
    await store.runs.pause(job(0), PAUSE, WITHIN);
    await store.runs.pause(job(1), PAUSE, WITHIN);
    for (let i = 2; i < JOBS; i++) await run(tick(i, TIME + 20));
    await store.runs.pause(job(1), null, WITHIN);

    expect(await ask(tick(0, TIME + 20))).toMatchObject({ status: 'paused', pause: PAUSE });
    expect(await outcomesOf(0)).toHaveLength(10);
    await run(tick(1, TIME + 20));
    // Else the lock would be forgotten with what is known of a job that is paused.
    expect(new EntryFiles(folder).read('test:lock')!.entry!.keepUntil).toBe(NEVER);
  }, 30_000);
});

it('a pause outlives the processes, and what is kept for it is kept no longer', async () => {
  await store.runs.pause(job(0), PAUSE, WITHIN);
  await store.close();
  store = await LocalLockStore.open({ folder, prefix: 'test' });
  expect(await ask(tick(0, TIME))).toMatchObject({ status: 'paused' });
  expect(keptFor('test:lock')).toBeGreaterThan(365);

  await store.runs.pause(job(0), null, WITHIN);

  expect(keptFor('test:lock')).toBeCloseTo(35, 1);
});

describe('the replicas', () => {
  it('are no lock, and are removed when their time is over', async () => {
    await store.runs.publish('web-1', '{"a":1}', 1, WITHIN);
    await store.acquire(request(), WITHIN);
    const names: string[] = [];
    for await (const { name } of store.admin.list('', WITHIN)) names.push(name);
    expect(names).toEqual(['lock']);

    const next = await LocalLockStore.open({ folder, prefix: 'test' });
    await eventually(() => expect(folders()).toHaveLength(1));
    await next.close();
  });

  it('are all known, however many say so at once', async () => {
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => LocalLockStore.open({ folder, prefix: 'test' })),
    );
    await Promise.all(
      stores.flatMap((each, i) =>
        [1, 2, 3].map((n) => each.runs.publish(`web-${i}-${n}`, `${i}-${n}`, 60_000, WITHIN)),
      ),
    );
    expect((await store.runs.replicas(WITHIN)).entries).toHaveLength(12);
    await Promise.all(stores.map((each) => each.close()));
  });
});

function request() {
  return { name: 'lock', owner: `${++owners}`, holder: '{}', ttl: 60_000 };
}

function tick(i: number, time: number): TickClaim {
  return { kind: 'tick', job: `${i}`, time, rerun: false, history: 10, replica: 'web-1' };
}

function job(i: number): JobRequest {
  return { name: 'lock', kind: 'tick', job: `${i}` };
}

async function run(claim: TickClaim): Promise<void> {
  const running = { ...request(), claim };
  const reply = await store.acquire(running, WITHIN);
  if (reply.status !== 'granted') throw new Error(`Expected a grant, got ${reply.status}`);
  const end = { fencingToken: reply.fencingToken, outcome: 'succeeded' } as const;
  await store.release({ ...ended(running, 'completed'), run: end }, WITHIN);
}

function ask(claim: TickClaim) {
  return store.acquire({ ...request(), claim }, WITHIN);
}

async function outcomesOf(i: number): Promise<string[]> {
  const [{ runs }] = await store.runs.read([job(i)], WITHIN);
  return runs.map(({ outcome }) => outcome);
}

/** Of the file that is written with each change of the lock, in bytes. */
function sizeOf(key: string): number {
  const { folder: lockFolder, version } = new EntryFiles(folder).read(key)!;
  return statSync(join(lockFolder, `${version}`)).size;
}

/** In days. */
function keptFor(key: string): number {
  return (new EntryFiles(folder).read(key)!.entry!.keepUntil - Date.now()) / 86_400_000;
}

/** Of all entries. */
function folders(): string[] {
  const { root } = new EntryFiles(folder);
  return readdirSync(root)
    .filter((name) => name.length === 2)
    .flatMap((bucket) => readdirSync(join(root, bucket)));
}
