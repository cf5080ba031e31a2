import { PGlite } from '@electric-sql/pglite';
import { nameOf } from '../../../lib/stores/run-marks.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import { storeContract, type StoresUnderTest } from '../../../lib/testing/index.js';
import { problemsOfModules } from '../../support/type-check.js';
import { describeContract } from './describe-contract.js';
import { BLOCKS, readBlocks, runBlock, unmarkedBlocks, type Block } from './support/documented-stores.js';

type StoreClass = new (db: PGlite, prefix: string) => LockStore;
interface Opening {
  open(): Promise<StoresUnderTest>;
  readonly without: readonly [];
}
type Registered = readonly [name: string, isSkipped: boolean, run: () => Promise<void>];

const postgres = await runBlock<{ TABLE: string; PostgresLockStore: StoreClass }>('postgres');
const { OrderedLockStore } = await runBlock<{ OrderedLockStore: StoreClass }>('postgres-queue', {
  './postgres-lock-store.js': postgres,
});
// Of its own: it takes seconds to make one.
const db = new PGlite();
afterAll(() => db.close());
const opening = await runBlock<Opening>('open', { './postgres-lock-store.js': postgres });

describe('docs/stores.md', () => {
  it('marks its code blocks, but for one', () => {
    expect([...readBlocks().keys()]).toEqual(BLOCKS);
    expect(unmarkedBlocks()).toHaveLength(1);
  });

  it('shows code that compiles', () => {
    const files = {
      'postgres-lock-store.ts': 'postgres',
      'ordered-lock-store.ts': 'postgres-queue',
      'open-stores.ts': 'open',
      'stores.spec.ts': 'jest',
      'stores.test.ts': 'node',
    };
    const modules = Object.entries(files).map(([file, block]) => [file, readBlocks().get(block)!] as const);
    expect(problemsOfModules(new Map([...modules, ['options.ts', unmarkedBlocks()[0]]]))).toEqual([]);
  });

  it('shows a store of fewer than 120 lines', () => {
    expect(readBlocks().get('postgres')!.split('\n').length).toBeLessThan(120);
  });

  it.each<[Block, (registered: Registered[]) => Record<string, unknown>]>([
    ['vitest', (registered) => ({ vitest: likeVitest(registered) })],
    ['node', (registered) => ({ 'node:test': likeNode(registered) })],
  ])('shows how %s runs the cases', async (block, runner) => {
    const registered: Registered[] = [];
    await runBlock(block, { './open-stores.js': opening, ...runner(registered) });

    const cases = storeContract(() => opening.open(), { without: opening.without });
    expect(registered.map(([name]) => name)).toEqual(cases.map(({ name }) => name));
    expect(registered.map(([, isSkipped]) => isSkipped)).toEqual(cases.map(({ skip }) => skip !== false));
    for (const [, isSkipped, run] of registered.slice(0, 10)) if (!isSkipped) await run();
  });
});

// It calls `describe` and `it` by itself.
await runBlock('jest', { './open-stores.js': opening });

describeContract(
  'the PostgreSQL store with an order of waiters',
  async () => {
    await db.exec(`drop table if exists locks; ${postgres.TABLE}`);
    let replies = Promise.resolve();
    // The way to the database, on which replies can be held back.
    const way = Object.create(db, {
      transaction: {
        value: async (work: Parameters<PGlite['transaction']>[0]) => {
          const reply = await db.transaction(work);
          await replies;
          return reply;
        },
      },
    }) as PGlite;
    return {
      stores: [new OrderedLockStore(way, 'ours:'), new OrderedLockStore(db, 'ours:')],
      otherPrefix: new OrderedLockStore(db, 'theirs:'),
      now: async () => {
        const sql = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now';
        return (await db.query<{ now: number }>(sql)).rows[0].now;
      },
      setClockBack: async (name, claim, ms) => {
        const read = 'select ledger from locks where name = $1';
        const { rows } = await db.query<{ ledger: string }>(read, [`ours:${name}`]);
        const ledger = JSON.parse(rows[0].ledger);
        const mark = ledger.marks[nameOf(claim)];
        Object.assign(mark, { time: mark.time + ms, until: mark.until + ms });
        await db.query('update locks set ledger = $2 where name = $1', [
          `ours:${name}`,
          JSON.stringify(ledger),
        ]);
      },
      holdReplies: () => {
        const held = new EventTarget();
        replies = new Promise((resolve) => held.addEventListener('go', () => resolve()));
        return () => void held.dispatchEvent(new Event('go'));
      },
      close: async () => {},
    };
  },
  { without: ['admin', 'runs', 'advance', 'ownClock'] },
);

function likeVitest(registered: Registered[]): unknown {
  return {
    describe: (_: string, define: () => void) => define(),
    it: {
      skipIf: (skip: unknown) => (name: string, run: () => Promise<void>) =>
        registered.push([name, Boolean(skip), run]),
    },
  };
}

function likeNode(registered: Registered[]): unknown {
  return {
    test: (name: string, { skip }: { skip: string | false }, run: () => Promise<void>) =>
      registered.push([name, skip !== false, run]),
  };
}
