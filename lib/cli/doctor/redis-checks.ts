import type { Redis } from 'ioredis';
import { openRedisClient, type RedisClient } from '../../stores/redis/open-redis-client.js';
import type { RedisConnectionOptions } from '../../stores/redis/redis-connection-options.js';
import type { Finding } from './finding.js';

type Info = Readonly<Record<string, string>>;

/** The oldest version that the tests of this package have run on. */
const OLDEST = 6;

/** What the settings of a Redis server mean for locks. */
export async function checkRedis(connection: RedisConnectionOptions): Promise<Finding[]> {
  const { client } = await openRedisClient(connection, 'exclusive-lock:doctor');
  try {
    await client.connect();
    const infos = await Promise.all(serversOf(client).map(infoOf));
    return infos.flatMap((info) => [
      checkVersion(info),
      checkEviction(info),
      checkPersistence(info),
      checkReplication(info),
    ]);
  } catch (error) {
    // The user of the locks may be allowed neither.
    const found = `INFO is not answered: ${(error as Error).message}`;
    const advice =
      'Allow +info, or look at maxmemory-policy, appendonly and the role of the server yourself.';
    return [{ check: 'settings of the server', status: 'warning', found, advice }];
  } finally {
    client.disconnect();
  }
}

function serversOf(client: RedisClient): Redis[] {
  return 'nodes' in client ? client.nodes('master') : [client];
}

async function infoOf(server: Redis): Promise<Info> {
  const lines = (await server.info()).split('\r\n');
  return Object.fromEntries(
    lines.filter((line) => line.includes(':')).map((line) => line.split(/:(.*)/s, 2) as [string, string]),
  );
}

function checkVersion(info: Info): Finding {
  const check = 'version';
  const version = info['valkey_version'] ?? info['redis_version'] ?? 'unknown';
  const engine = info['valkey_version'] ? 'Valkey' : 'Redis';
  const found = `${engine} ${version}`;
  if (Number.parseInt(version, 10) >= OLDEST) return { check, status: 'ok', found };
  return { check, status: 'problem', found, advice: `Use Redis ${OLDEST} or later.` };
}

function checkEviction({ maxmemory, maxmemory_policy: policy = 'unknown' }: Info): Finding {
  const check = 'eviction';
  if (policy === 'noeviction' || maxmemory === '0') return { check, status: 'ok', found: policy };
  const advice = 'A lock that is held may be evicted. Set maxmemory-policy noeviction.';
  return { check, status: 'problem', found: `${policy} with a limit of ${maxmemory} bytes`, advice };
}

function checkPersistence({ aof_enabled: aof, rdb_last_bgsave_status: rdb }: Info): Finding {
  const check = 'persistence';
  if (aof === '1') return { check, status: 'ok', found: 'appendonly' };
  const advice =
    'If the server restarts, locks that are held may be granted again, and ticks may run again: only fencing tokens ' +
    'protect what is written then. Set appendonly yes.';
  return { check, status: 'warning', found: `snapshots at most (last: ${rdb ?? 'unknown'})`, advice };
}

function checkReplication({ role, connected_slaves: replicas = '0' }: Info): Finding {
  const check = 'replication';
  if (role === 'master') {
    const found = replicas === '0' ? 'no replicas' : `the primary of ${replicas} replicas`;
    return { check, status: 'ok', found };
  }
  const advice = 'Locks can be taken at the primary only. Give its address, or those of the sentinels.';
  return { check, status: 'problem', found: `role ${role}`, advice };
}
