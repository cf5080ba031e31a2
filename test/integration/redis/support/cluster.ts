import { execFile as execFileWithCallback } from 'node:child_process';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { eventually } from '../../../support/eventually.js';
import { freePortOfNode } from '../../../support/free-port.js';
import { RedisServer } from '../../../support/redis/redis-server.js';

const execFile = promisify(execFileWithCallback);

export const SLOTS = 16_384;

/** Three masters that share the slots evenly. */
export interface TestCluster {
  readonly servers: readonly RedisServer[];
  readonly nodes: { host: string; port: number }[];
  slotOf(key: string): Promise<number>;
  /** The index of the server that serves the slot. */
  ownerOf(slot: number): Promise<number>;
  /** Makes another server serve the slot, with its keys, as `redis-cli --cluster reshard` does. */
  migrate(slot: number, from: number, to: number): Promise<void>;
  /** The same up to where the slot is open: its keys may be on either side, and are moved one by one. */
  openSlot(slot: number, from: number, to: number): Promise<OpenSlot>;
  /** Moves slots, the lowest first, with `redis-cli --cluster reshard`. */
  reshard(slots: number, from: number, to: number): Promise<void>;
}

/** A slot that is moved from one server to another. */
export interface OpenSlot {
  move(key: string): Promise<void>;
  /** Moves what is left, and makes the other server serve the slot. */
  close(): Promise<void>;
}

export async function startCluster({ args = [] }: { args?: string[] } = {}): Promise<TestCluster> {
  const servers = await Promise.all(Array.from({ length: 3 }, () => startNode(args)));
  const clients = servers.map((server) => server.client());
  const [first] = clients as [Redis];
  const size = Math.ceil(SLOTS / servers.length);
  for (const [i, client] of clients.entries()) {
    await addSlots(client, i * size, Math.min(SLOTS, (i + 1) * size));
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
  }
  for (const server of servers.slice(1)) {
    await first.call('CLUSTER', 'MEET', '127.0.0.1', server.port);
  }
  await eventually(async () => {
    for (const client of clients)
      expect(await client.cluster('INFO')).toMatch(/cluster_state:ok[^]*known_nodes:3/);
  });
  await epochsAgreed(clients);

  const ids = await Promise.all(
    clients.map(async (client) => (await client.call('CLUSTER', 'MYID')) as string),
  );
  const openSlot = async (slot: number, from: number, to: number): Promise<OpenSlot> => {
    const [source, target] = [clients[from], clients[to]];
    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from]);
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to]);
    const move = async (key: string): Promise<void> => {
      await source.call('MIGRATE', '127.0.0.1', servers[to].port, key, 0, 5000);
    };
    const close = async (): Promise<void> => {
      for (const key of (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 1000)) as string[])
        await move(key);
      for (const client of [target, source, ...clients]) {
        await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to]);
      }
      await epochsAgreed(clients);
    };
    return { move, close };
  };

  return {
    servers,
    nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    slotOf: (key) => first.cluster('KEYSLOT', key),
    async ownerOf(slot) {
      const ranges = (await first.cluster('SLOTS')) as unknown as SlotRange[];
      const range = ranges.find(([from, to]) => slot >= from && slot <= to);
      return servers.findIndex(({ port }) => port === range?.[2][1]);
    },
    async migrate(slot, from, to) {
      await (await openSlot(slot, from, to)).close();
    },
    openSlot,
    async reshard(count, from, to) {
      const address = `127.0.0.1:${servers[from].port}`;
      const plan = ['--cluster-from', ids[from], '--cluster-to', ids[to], '--cluster-slots', String(count)];
      await execFile('redis-cli', ['--cluster', 'reshard', address, ...plan, '--cluster-yes']);
    },
  };
}

/**
 * A node that knows of no higher epoch takes none for a slot that it gets; then a message that is still under way can
 * give the slot back to its last owner, whose epoch is higher, for good.
 */
async function epochsAgreed(clients: readonly Redis[]): Promise<void> {
  await eventually(async () => {
    const views = await Promise.all(clients.map(async (client) => epochsIn(await client.cluster('NODES'))));
    return new Set(views).size === 1;
  });
}

/** As in `<id> <address> <flags> <master> <ping> <pong> <epoch> …`, a line a node. */
function epochsIn(nodes: unknown): string {
  const epochs = String(nodes).matchAll(/^(\w+)(?: \S+){5} (\d+)/gm);
  return Array.from(epochs, ([, id, epoch]) => `${id} ${epoch}`)
    .toSorted()
    .join();
}

/** A cluster of one node, as some services offer it: to a client that knows no clusters, it is a single server. */
export async function startLoneNode({ args = [] }: { args?: string[] } = {}): Promise<RedisServer> {
  const server = await startNode(['--cluster-announce-ip', '127.0.0.1', ...args]);
  const client = server.client();
  await addSlots(client, 0, SLOTS);
  await eventually(async () => expect(await client.cluster('INFO')).toContain('cluster_state:ok'));
  return server;
}

/** Another node, which has what the master with this index has. */
export async function startReplicaOf(cluster: TestCluster, master: number): Promise<RedisServer> {
  const server = await startNode();
  const [client, source] = [server.client(), cluster.servers[master]];
  const id = await source.client().call('CLUSTER', 'MYID');
  await client.call('CLUSTER', 'MEET', '127.0.0.1', source.port);
  await eventually(async () => expect(await client.cluster('INFO')).toMatch(/known_nodes:4/));
  await eventually(async () => (await client.call('CLUSTER', 'REPLICATE', id as string)) === 'OK');
  await eventually(async () => {
    expect(await client.info('replication')).toContain('master_link_status:up');
    // Who does not know it as a replica would not vote for it.
    for (const other of cluster.servers)
      expect(await other.client().cluster('NODES')).toMatch(/ (myself,)?slave /);
  });
  return server;
}

type SlotRange = [from: number, to: number, master: [host: string, port: number]];

/** One by one, since only Redis 7 takes ranges. */
async function addSlots(client: Redis, from: number, to: number): Promise<void> {
  await client.cluster('ADDSLOTS', ...Array.from({ length: to - from }, (_, i) => from + i));
}

function startNode(more: string[] = []): Promise<RedisServer> {
  const ours = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    '2000',
    // What is left serves on; else nothing could be said about a lock while a node is away.
    '--cluster-require-full-coverage',
    'no',
  ];
  return RedisServer.start({ port: freePortOfNode, args: [...ours, ...more] });
}
