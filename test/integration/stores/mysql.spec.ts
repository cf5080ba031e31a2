import { nameOf, type RunMark } from '../../../lib/stores/run-marks.js';
import type { StoresUnderTest } from '../../../lib/testing/index.js';
import { WITHIN } from '../../../lib/testing/store-contract/subject.js';
import { MYSQL_SERVERS, TestDatabase } from '../../support/mysql/test-database.js';
import type { MysqlFlavour } from '../../support/servers/mysql-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { describeContract } from './describe-contract.js';

for (const [server, flavour] of MYSQL_SERVERS)
  describeContract(`the MySQL store on ${server}`, () => open(flavour), { without: ['advance'] });

async function open(flavour: MysqlFlavour): Promise<StoresUnderTest> {
  const database = await TestDatabase.create(flavour);
  const proxy = await TcpProxy.start(database.port);
  const stores = [
    await database.open({ uri: database.urlFor({ port: proxy.port }) }),
    await database.open(),
  ] as const;
  const otherPrefix = await database.open({}, { prefix: 'theirs' });
  // Makes the table and the first connection, which take longer than some cases wait.
  await stores[0].inspect('none', WITHIN);
  return {
    stores,
    otherPrefix,
    now: async () => {
      const [{ now }] = await database.query<{ now: string }>(
        'SELECT UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS now',
      );
      return Number(now);
    },
    setClockBack: async (name, claim, ms) => {
      const key = `ours:${name}`;
      const [row] = await database.query<{ ledger: string }>(
        'SELECT ledger FROM exclusive_lock WHERE name = ?',
        [key],
      );
      const ledger = JSON.parse(row.ledger) as { marks: Record<string, RunMark> };
      const mark = ledger.marks[nameOf(claim)];
      ledger.marks[nameOf(claim)] = { ...mark, time: mark.time + ms, until: mark.until + ms };
      const written = JSON.stringify(ledger);
      await database.query('UPDATE exclusive_lock SET ledger = ?, version = version + 1 WHERE name = ?', [
        written,
        key,
      ]);
    },
    holdReplies: () => {
      void holdReplyToWrite(proxy);
      return () => proxy.releaseHeld('toClient');
    },
    close: async () => {
      await Promise.all([...stores, otherPrefix].map((store) => store.close()));
      await proxy.close();
      await database.drop();
    },
  };
}

/** What has only read has nothing to lose. */
async function holdReplyToWrite(proxy: TcpProxy): Promise<void> {
  for (let sent = ''; !/INSERT|UPDATE/.test(sent);) sent = String(await proxy.onceBytes('toServer'));
  proxy.hold('toClient');
}
