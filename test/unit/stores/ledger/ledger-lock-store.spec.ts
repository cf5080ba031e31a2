import { once } from 'node:events';
import { LockStoreError } from '../../../../lib/common/errors.js';
import { LedgerLockStore } from '../../../../lib/stores/ledger/ledger-lock-store.js';
import type { LedgerChange, LedgerReading } from '../../../../lib/stores/ledger/ledger-table.js';
import type { AcquireRequest, QueueGrant } from '../../../../lib/stores/lock-store.js';
import { eventually } from '../../../support/eventually.js';
import { FullTable, PlainTable, Rows } from '../../../support/ledger-tables.js';

const WITHIN = 5000;
let rows: Rows;
let now: number;

beforeEach(() => {
  now = Date.now();
  rows = new Rows(() => now);
});

describe('the ledger store', () => {
  it('reads and writes together what is asked together', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const replies = await Promise.all(
      Array.from({ length: 150 }, (_, i) => store.acquire(request(`lock ${i}`), WITHIN)),
    );
    expect(replies.every(({ status }) => status === 'granted')).toBe(true);
    expect(table.calls).toEqual(['read 150', 'write 150']);
  });

  it('decides all that its process wants of one lock by one read', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const replies = await Promise.all(Array.from({ length: 50 }, () => store.acquire(request('a'), WITHIN)));
    expect(
      replies
        .map(({ status }) => status)
        .toSorted()
        .slice(-2),
    ).toEqual(['busy', 'granted']);
    expect(table.calls).toEqual(['read 1', 'write 1']);
  });

  it('reads nothing to end a lease of which nothing else is known', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const held = await granted(store, 'a');
    table.calls.length = 0;
    await expect(store.release(ended(held), WITHIN)).resolves.toBe('held');
    expect(table.calls).toEqual(['free 1']);
  });

  it('lets one of many processes have a lock at a time', async () => {
    const stores = Array.from({ length: 8 }, () => new LedgerLockStore(new FullTable(rows), 'p'));
    let inside = 0;
    let most = 0;
    const work = stores.map(async (store) => {
      for (let done = 0; done < 10;) {
        const wanted = request('a');
        if ((await store.acquire(wanted, WITHIN)).status !== 'granted') continue;
        most = Math.max(most, ++inside);
        await new Promise(setImmediate);
        inside--;
        await store.release(ended(wanted), WITHIN);
        done++;
      }
    });
    await Promise.all(work);
    expect(most).toBe(1);
  });

  it('lets a renewal count that comes between reading and writing', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const held = await granted(store, 'a', { ttl: 1000 });
    table.beforeWrite = async () => {
      now += 900;
      await new LedgerLockStore(new FullTable(rows), 'p').renew([held], WITHIN);
    };
    await store.acquire(request('a', { waited: 0 }), WITHIN);
    expect((await store.inspect('a', WITHIN))?.remaining).toBe(1000);
  });

  it('renews again what a table has failed to renew, until that refuses', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const held = await granted(store, 'a');
    const failures = [new Error('cut'), new Error('cut')];
    table.renew = async (holds) => {
      const failure = failures.shift();
      if (failure) throw failure;
      return holds.map(() => true);
    };
    await expect(store.renew([held], WITHIN)).resolves.toEqual(['held']);
    failures.push(new LockStoreError('no', { mayHaveRun: false, refused: true }));
    await expect(store.renew([held], WITHIN)).rejects.toThrow('no');
  });

  it('queues a waiter under the name that its process has when it is told so', async () => {
    const table = new SpiedTable(rows);
    const names = ['before', 'now'];
    table.processFor = () => names[0];
    const store = new LedgerLockStore(table, 'p');
    await granted(store, 'a');
    table.beforeWrite = async () => void names.splice(0, names.length - 1);
    const waiter = request('a', { waited: 0 });
    await store.acquire(waiter, WITHIN);
    const { queue } = JSON.parse(rows.get('p:a')!.ledger) as { queue: unknown[] };
    expect(queue).toEqual([expect.objectContaining({ owner: waiter.owner, process: 'now' })]);
  });

  it('passes over waiters whose process is gone', async () => {
    const [store, dead, other] = [1, 2, 3].map(() => new FullTable(rows));
    const stores = [store, dead, other].map((table) => new LedgerLockStore(table, 'p'));
    const held = await granted(stores[0], 'a');
    await stores[1].acquire(request('a', { waited: 30 }), WITHIN);
    await stores[1].acquire(request('a', { waited: 20 }), WITHIN);
    const last = request('a', { waited: 10 });
    await stores[2].acquire(last, WITHIN);
    const grants: QueueGrant[] = [];
    other.watch('p:a', (grant) => grants.push(grant!));
    rows.gone.add(dead.processFor());

    await stores[0].release(ended(held), WITHIN);

    expect((await stores[0].inspect('a', WITHIN))?.owner).toBe(last.owner);
    expect(grants.map(({ owner }) => owner)).toEqual([last.owner]);
  });
});

describe('a table that fails', () => {
  it('is asked again, and a write that had taken effect is found', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const held = request('a', { claim: { kind: 'key', job: 'k', remember: 1000 } });
    table.afterWrite = () => Promise.reject(new Error('connection lost'));
    await expect(store.acquire(held, WITHIN)).resolves.toMatchObject({ status: 'granted' });
    table.afterWrite = () => Promise.reject(new Error('connection lost'));
    await expect(store.release({ ...ended(held), end: 'completed' }, WITHIN)).resolves.toBe('held');
  });

  it('is asked again if it does not know whether it has written', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    table.written = () => [undefined];
    await expect(store.acquire(request('a'), WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('is told from one that has certainly done nothing', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    table.beforeRead = () => Promise.reject(new Error('no connection'));
    await expect(store.acquire(request('a'), 50)).rejects.toMatchObject({ mayHaveRun: false });
  });

  it('is not asked again after it has refused', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const refusal = new LockStoreError('no permission', {
      mayHaveRun: false,
      refused: true,
      permanent: true,
    });
    table.beforeWrite = () => Promise.reject(refusal);
    await expect(store.acquire(request('a'), WITHIN)).rejects.toMatchObject({
      message: 'no permission',
      refused: true,
      permanent: true,
      mayHaveRun: false,
    });
    expect(table.calls).toEqual(['read 1', 'write 1']);
  });

  it('holds up nobody who comes after it has been given up', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    table.beforeWrite = () => new Promise(() => {});
    const lost = store.acquire(request('a'), 50);
    await expect(lost).rejects.toMatchObject({ mayHaveRun: true });
    table.beforeWrite = undefined;
    await expect(store.acquire(request('a'), WITHIN)).resolves.toMatchObject({ status: 'granted' });
  });

  it('writes nothing for a caller that has given up, once that is void', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    const late = new EventTarget();
    table.beforeWrite = async () => void (await once(late, 'go'));
    const wanted = request('a');
    await expect(store.acquire(wanted, 50)).rejects.toThrow(LockStoreError);
    table.beforeWrite = undefined;
    await store.release({ ...ended(wanted), end: 'void' }, WITHIN);
    late.dispatchEvent(new Event('go'));
    await eventually(() => table.wrote === 2);
    await expect(store.inspect('a', WITHIN)).resolves.toBeNull();
  });

  it('holds up no other lock with a row that cannot be read', async () => {
    const store = new LedgerLockStore(new PlainTable(rows), 'p');
    rows.set('p:bad', { version: 1, held: undefined, fencingToken: 1, ledger: '{"marks"' });
    const [bad, good] = await Promise.allSettled(
      ['bad', 'good'].map((name) => store.acquire(request(name), WITHIN)),
    );
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'LOCK_STORE' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { status: 'granted' } });
  });

  it('ends all calls when the store is closed', async () => {
    const table = new SpiedTable(rows);
    const store = new LedgerLockStore(table, 'p');
    table.beforeRead = () => Promise.reject(new Error('no connection'));
    const waiting = store.acquire(request('a'), WITHIN);
    await eventually(() => table.calls.length > 1);
    await store.close();
    await expect(waiting).rejects.toThrow(LockStoreError);
    await expect(store.acquire(request('a'), WITHIN)).rejects.toThrow('the store is closed');
  });
});

/** Notes the calls; each hook is called, once if it fails. */
class SpiedTable extends FullTable {
  readonly calls: string[] = [];
  wrote = 0;
  beforeRead: (() => Promise<void>) | undefined;
  beforeWrite: (() => Promise<void>) | undefined;
  afterWrite: (() => Promise<void>) | undefined;
  written: (() => undefined[]) | undefined;

  override async read(keys: readonly string[]): Promise<LedgerReading[]> {
    this.calls.push(`read ${keys.length}`);
    await this.beforeRead?.();
    return super.read(keys);
  }

  override async write(changes: readonly LedgerChange[]): Promise<(boolean | undefined)[]> {
    this.calls.push(`write ${changes.length}`);
    await this.beforeWrite?.();
    const written = await super.write(changes);
    this.wrote++;
    const { afterWrite, written: told } = this;
    this.afterWrite = undefined;
    this.written = undefined;
    await afterWrite?.();
    return told?.() ?? written;
  }

  override async free(holds: Parameters<FullTable['free']>[0]): Promise<boolean[]> {
    this.calls.push(`free ${holds.length}`);
    return super.free(holds);
  }
}

let owners = 0;
function request(name: string, more: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name, owner: `owner-${++owners}`, holder: '{}', ttl: 30_000, ...more };
}

function ended({ name, owner, ttl, claim }: AcquireRequest) {
  return { name, owner, ttl, claim, end: 'unfinished' } as const;
}

async function granted(
  store: LedgerLockStore,
  name: string,
  more: Partial<AcquireRequest> = {},
): Promise<AcquireRequest> {
  const wanted = request(name, more);
  await expect(store.acquire(wanted, WITHIN)).resolves.toMatchObject({ status: 'granted' });
  return wanted;
}
