import { LedgerLockStore } from '../../../lib/stores/ledger/ledger-lock-store.js';
import { nameOf, type RunMark } from '../../../lib/stores/run-marks.js';
import type { StoresUnderTest } from '../../../lib/testing/index.js';
import { describeContract } from './describe-contract.js';
import { FullTable, PlainTable, Rows } from '../../support/ledger-tables.js';

describeContract('the ledger store on a table that can do no more than it must', () => open(PlainTable), {
  without: ['ownClock'],
});
describeContract('the ledger store on a table that can do all', () => open(FullTable), {
  without: ['ownClock'],
});

async function open(Table: typeof PlainTable): Promise<StoresUnderTest> {
  let now = Date.now();
  const rows = new Rows(() => now);
  const first = new Table(rows);
  const stores = [new LedgerLockStore(first, 'ours'), new LedgerLockStore(new Table(rows), 'ours')] as const;
  const otherPrefix = new LedgerLockStore(new Table(rows), 'theirs');
  return {
    stores,
    otherPrefix,
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    setClockBack: (name, claim, ms) => {
      const row = rows.get(`ours:${name}`)!;
      const ledger = JSON.parse(row.ledger) as { marks: Record<string, RunMark> };
      const mark = ledger.marks[nameOf(claim)];
      ledger.marks[nameOf(claim)] = { ...mark, time: mark.time + ms, until: mark.until + ms };
      row.ledger = JSON.stringify(ledger);
      row.version++;
    },
    holdReplies: () => {
      const held = new EventTarget();
      first.way = new Promise((resolve) => held.addEventListener('go', () => resolve()));
      return () => void held.dispatchEvent(new Event('go'));
    },
    close: async () => {
      await Promise.all([...stores, otherPrefix].map((store) => store.close()));
    },
  };
}
