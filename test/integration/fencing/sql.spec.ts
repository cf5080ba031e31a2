import { PGlite } from '@electric-sql/pglite';
import { jest } from '@jest/globals';
import type { Lease } from '../../../lib/index.js';
import { LOSSES, Replicas } from './support/overtaken.js';
import { recipe, recipeModule } from './support/recipes.js';

type SaveReport = (db: PGlite, lease: Lease, id: number, body: string) => Promise<void>;
type FencedTransaction = <T>(db: PGlite, lease: Lease, work: () => Promise<T>) => Promise<T>;

/** The row that the tests write. */
const ID = 1;
const OVERTAKEN = /newer holder/;

let db: PGlite;
let replicas: Replicas;

beforeAll(async () => {
  [db, replicas] = await Promise.all([PGlite.create(), Replicas.start()]);
  await db.exec('CREATE TABLE reports (id int PRIMARY KEY, body text, runs int NOT NULL DEFAULT 0)');
  await db.exec(recipe('sql-column'));
  await db.exec(recipe('sql-guard-table'));
});
beforeEach(async () => {
  await db.exec('TRUNCATE reports, lock_tokens');
  await db.query('INSERT INTO reports (id, body) VALUES ($1, $2), (2, $2)', [ID, 'empty']);
});
afterEach(() => replicas.release());
afterAll(async () => {
  await replicas.close();
  await db.close();
});

async function report(id = ID): Promise<unknown> {
  const { rows } = await db.query('SELECT body, runs, fencing_token FROM reports WHERE id = $1', [id]);
  return rows[0];
}

describe.each(LOSSES)('a holder that does not know that %s', (loss) => {
  describe('and a row that carries its fencing token', () => {
    let saveReport: SaveReport;
    beforeAll(async () => {
      ({ saveReport } = await recipeModule<{ saveReport: SaveReport }>('sql-update'));
    });

    it('cannot overwrite what the new holder wrote', async () => {
      const { stale, current } = await replicas.overtaken(loss);
      await saveReport(db, current, ID, 'new');
      await expect(saveReport(db, stale, ID, 'old')).rejects.toThrow(OVERTAKEN);
      expect(await report()).toEqual({ body: 'new', runs: 0, fencing_token: current.fencingToken });
    });

    it('does not keep the new holder from writing, again and again', async () => {
      const { stale, current } = await replicas.overtaken(loss);
      await saveReport(db, stale, ID, 'old, in time');
      for (const body of ['new', 'newer', 'newest']) {
        await saveReport(db, current, ID, body);
        await expect(saveReport(db, stale, ID, 'old')).rejects.toThrow(OVERTAKEN);
        expect(await report()).toEqual({ body, runs: 0, fencing_token: current.fencingToken });
      }
    });

    it('cannot slip a write in between the claim of the new holder and its write', async () => {
      const { stale, current } = await replicas.overtaken(loss);
      await saveReport(db, stale, ID, 'old, in time');
      const { rows } = await db.query<{ body: string }>(recipe('sql-claim'), [current.fencingToken, ID]);
      await expect(saveReport(db, stale, ID, 'old')).rejects.toThrow(OVERTAKEN);
      await saveReport(db, current, ID, `${rows[0]?.body}, and read`);
      expect(await report()).toMatchObject({ body: 'old, in time, and read' });
    });

    it('cannot claim', async () => {
      const { stale, current } = await replicas.overtaken(loss);
      await db.query(recipe('sql-claim'), [current.fencingToken, ID]);
      const { rows } = await db.query(recipe('sql-claim'), [stale.fencingToken, ID]);
      expect(rows).toEqual([]);
      expect(await report()).toMatchObject({ fencing_token: current.fencingToken });
    });

    it('cannot write where each lease writes once', async () => {
      const { stale, current } = await replicas.overtaken(loss);
      expect(await runOnce(current)).toBe(1);
      expect(await runOnce(stale)).toBe(0);
      expect(await report()).toMatchObject({ runs: 1, fencing_token: current.fencingToken });
    });
  });

  describe('and one guard for many rows', () => {
    let fencedTransaction: FencedTransaction;
    beforeAll(async () => {
      ({ fencedTransaction } = await recipeModule<{ fencedTransaction: FencedTransaction }>('sql-guard'));
    });

    it('cannot begin a transaction', async () => {
      const { stale, current } = await replicas.overtaken(loss);
      await fencedTransaction(db, current, () => writeBoth('new'));
      const work = jest.fn(() => writeBoth('old'));
      await expect(fencedTransaction(db, stale, work)).rejects.toThrow(OVERTAKEN);
      expect(work).not.toHaveBeenCalled();
      await expectBoth('new');
    });

    it('does not keep the new holder from any number of transactions', async () => {
      const { stale, current } = await replicas.overtaken(loss);
      await fencedTransaction(db, stale, () => writeBoth('old, in time'));
      for (const body of ['new', 'newer', 'newest']) {
        await fencedTransaction(db, current, () => writeBoth(body));
        await expect(fencedTransaction(db, stale, () => writeBoth('old'))).rejects.toThrow(OVERTAKEN);
        await expectBoth(body);
      }
    });
  });
});

describe('a row that each lease writes once', () => {
  it('is not written by a retry, but by the next lease', async () => {
    const { current } = await replicas.overtaken('its key was deleted');
    expect(await runOnce(current)).toBe(1);
    expect(await runOnce(current)).toBe(0);
    expect(await runOnce(await replicas.successorOf(current))).toBe(1);
    expect(await report()).toMatchObject({ runs: 2 });
  });
});

describe('a transaction that fails behind the guard', () => {
  it('leaves neither its writes nor its fencing token, and keeps its error', async () => {
    const { fencedTransaction } = await recipeModule<{ fencedTransaction: FencedTransaction }>('sql-guard');
    const { stale, current } = await replicas.overtaken('its key was deleted');
    const failing = fencedTransaction(db, current, async () => {
      await writeBoth('half');
      throw new Error('no paper');
    });
    await expect(failing).rejects.toThrow('no paper');
    await expectBoth('empty');
    expect((await db.query('SELECT * FROM lock_tokens')).rows).toEqual([]);
    // Nobody newer has written anything yet.
    await fencedTransaction(db, stale, () => writeBoth('old, in time'));
  });
});

/** Resolves to the number of rows affected. */
async function runOnce(lease: Lease): Promise<number | undefined> {
  const { affectedRows } = await db.query(recipe('sql-update-once'), [lease.fencingToken, ID]);
  return affectedRows;
}

async function writeBoth(body: string): Promise<void> {
  await db.query('UPDATE reports SET body = $1 WHERE id = $2', [body, ID]);
  await db.query('UPDATE reports SET body = $1 WHERE id = 2', [body]);
}

async function expectBoth(body: string): Promise<void> {
  expect([await report(ID), await report(2)]).toMatchObject([{ body }, { body }]);
}
