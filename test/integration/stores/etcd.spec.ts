import { checkEtcdOptions } from '../../../lib/stores/etcd/etcd-options.js';
import { EtcdTable } from '../../../lib/stores/etcd/etcd-table.js';
import { LedgerLockStore } from '../../../lib/stores/ledger/ledger-lock-store.js';
import { nameOf, type RunMark } from '../../../lib/stores/run-marks.js';
import type { StoresUnderTest } from '../../../lib/testing/index.js';
import { uniquePrefix } from '../../support/redis/test-redis.js';
import { callEtcd, etcdUrl } from '../../support/servers/etcd-server.js';
import { testEtcdUrl } from '../../support/servers/shared-etcd.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { describeContract } from './describe-contract.js';

// etcd tells its clock in whole seconds, so a clock of a replica that is wrong is corrected to a second only.
describeContract('the etcd store', open, { without: ['advance', 'ownClock'] });

async function open(): Promise<StoresUnderTest> {
  const server = { port: Number(new URL(testEtcdUrl()).port) };
  const [ours, theirs] = [uniquePrefix(), uniquePrefix()];
  const proxy = await TcpProxy.start(server.port);
  const stores = [openStore(ours, proxy), openStore(ours, server)] as const;
  const otherPrefix = openStore(theirs, server);
  return {
    stores,
    otherPrefix,
    now: () => Date.now(),
    setClockBack: (name, claim, ms) =>
      rewrite(server, `exclusive-lock/rows/${ours}:${name}`, ({ marks, ...rest }) => {
        const mark = marks[nameOf(claim)];
        const moved = { ...mark, time: mark.time + ms, until: mark.until + ms };
        return { ...rest, marks: { ...marks, [nameOf(claim)]: moved } };
      }),
    holdReplies: () => {
      void holdWritten(proxy);
      return () => proxy.releaseHeld('toClient');
    },
    close: async () => {
      await Promise.all([...stores, otherPrefix].map((store) => store.close()));
      await proxy.close();
    },
  };
}

function openStore(prefix: string, server: Server): LedgerLockStore {
  return new LedgerLockStore(new EtcdTable(checkEtcdOptions({ endpoints: etcdUrl(server) })), prefix);
}

/** Holds replies back from the next write on: an acquisition that has only read has certainly changed nothing. */
async function holdWritten(proxy: TcpProxy): Promise<void> {
  while (!(await proxy.onceBytes('toServer')).includes('request_put'));
  proxy.hold('toClient');
}

async function rewrite(server: Server, key: string, change: (ledger: Ledger) => Ledger): Promise<void> {
  const { kvs } = await callEtcd<{ kvs: { value: string }[] }>(server, 'kv/range', { key: base64(key) });
  const row = JSON.parse(Buffer.from(kvs[0].value, 'base64').toString()) as { ledger: string };
  const ledger = JSON.stringify(change(JSON.parse(row.ledger) as Ledger));
  await callEtcd(server, 'kv/put', { key: base64(key), value: base64(JSON.stringify({ ...row, ledger })) });
}

interface Server {
  readonly port: number;
}

interface Ledger {
  readonly marks: Readonly<Record<string, RunMark>>;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
