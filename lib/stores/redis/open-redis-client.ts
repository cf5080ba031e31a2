import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { isRedisClient, isRedisCluster, type RedisConnectionOptions } from './redis-connection-options.js';

export type RedisClient = Redis | Cluster;

/** A client of our own that is not connected yet, its name for log lines, and the user's key prefix. */
export interface OpenedClient {
  client: RedisClient;
  label: string;
  keyPrefix: string;
}

/** Milliseconds before attempt number `times` to reconnect. */
const reconnectDelay = (times: number): number => Math.min(25 * 2 ** Math.min(times, 6), 1000);

/**
 * ioredis would queue a command while offline and send it again after a reconnect, long after its caller has
 * given up: a lock that nobody owns. These settings make it do neither. The prefix is applied by the store,
 * which has to keep both keys of a lock in one cluster slot.
 */
const HARDENED = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: undefined,
  enableAutoPipelining: false,
  enableReadyCheck: true,
  stringNumbers: false,
  readOnly: false,
  monitor: false,
  keyPrefix: '',
  disconnectTimeout: 100,
  retryStrategy: reconnectDelay,
  // A master that became a replica: the reconnect finds the new master. Nothing is sent again.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

const HARDENED_CLUSTER = {
  lazyConnect: true,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  scaleReads: 'master',
  keyPrefix: '',
  clusterRetryStrategy: reconnectDelay,
} satisfies ClusterOptions;

/** Makes a client for `connection`; throws LockConfigurationError where that cannot work. */
export async function openRedisClient(connection: RedisConnectionOptions): Promise<OpenedClient> {
  if (typeof connection === 'string') {
    const { Redis } = await loadIoredis();
    return single(new Redis(connection, HARDENED), keyPrefixOfUrl(connection));
  }
  if (isRedisClient(connection)) return duplicate(connection as RedisClient);
  if (isRedisCluster(connection)) {
    const { Cluster } = await loadIoredis();
    const options = (connection.options ?? {}) as ClusterOptions;
    return cluster(new Cluster([...connection.cluster] as ClusterNode[], hardenCluster(options)), options);
  }
  const { Redis } = await loadIoredis();
  return single(new Redis({ ...connection, ...HARDENED } as RedisOptions), connection.keyPrefix);
}

function duplicate(client: RedisClient): OpenedClient {
  if ('nodes' in client) {
    return cluster(client.duplicate([], hardenCluster(client.options)), client.options);
  }
  return single(client.duplicate(HARDENED), client.options.keyPrefix);
}

function hardenCluster(options: ClusterOptions): ClusterOptions {
  return { ...options, ...HARDENED_CLUSTER, redisOptions: { ...options.redisOptions, ...HARDENED } };
}

function single(client: Redis, keyPrefix = ''): OpenedClient {
  const { host, port, path, db, tls, sentinels, name } = client.options;
  const place = sentinels
    ? `sentinel master ${name ?? ''}`
    : (path ?? `${tls ? 'rediss' : 'redis'}://${host}:${port}/${db ?? 0}`);
  return { client, label: place, keyPrefix };
}

function cluster(client: Cluster, options: ClusterOptions): OpenedClient {
  return { client, label: 'redis cluster', keyPrefix: options.keyPrefix ?? '' };
}

function keyPrefixOfUrl(url: string): string {
  return new URL(url, 'redis://localhost').searchParams.get('keyPrefix') ?? '';
}

async function loadIoredis(): Promise<{ Redis: typeof Redis; Cluster: typeof Cluster }> {
  try {
    return await import('ioredis');
  } catch (cause) {
    throw new LockConfigurationError(messages.missingPeer('ioredis', 'redis'), { cause });
  }
}
