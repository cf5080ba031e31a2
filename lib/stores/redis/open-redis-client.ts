import type { Cluster, ClusterNode, ClusterOptions, Command, Redis, RedisOptions } from 'ioredis';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { isRedisClient, isRedisCluster, type RedisConnectionOptions } from './redis-connection-options.js';

export type RedisClient = Redis | Cluster;

/** Milliseconds that a connection may take to be ready, and that start-up waits for the first. */
export const HANDSHAKE_TIMEOUT = 2000;

/** The connections that a client has at present: one, or those to the nodes of the cluster. */
export function connectionsOf(client: RedisClient): Redis[] {
  return 'nodes' in client ? client.nodes('all') : [client];
}

/** A client of our own that is not connected yet, its name for log lines, and the user's key prefix. */
export interface OpenedClient {
  client: RedisClient;
  /** What the client makes its commands of. */
  Command: typeof Command;
  label: string;
  keyPrefix: string;
}

/** Milliseconds before attempt number `times` to reconnect. */
const reconnectDelay = (times: number): number => Math.min(25 * 2 ** Math.min(times, 6), 500);

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
  socketTimeout: undefined,
  enableAutoPipelining: false,
  enableReadyCheck: true,
  stringNumbers: false,
  showFriendlyErrorStack: false,
  readOnly: false,
  monitor: false,
  role: 'master',
  keyPrefix: '',
  // A firewall that forgets idle connections would cost the one call of the night its lock.
  keepAlive: 15_000,
  connectTimeout: HANDSHAKE_TIMEOUT,
  disconnectTimeout: 100,
  maxLoadingRetryTime: 250,
  retryStrategy: reconnectDelay,
  reconnectOnError: null,
  // Sentinels that say nothing are passed over; when all have been tried, RedisConnection begins anew.
  sentinelCommandTimeout: 500,
  sentinelRetryStrategy: () => null,
} satisfies RedisOptions;

const HARDENED_CLUSTER = {
  lazyConnect: true,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  enableReadyCheck: true,
  shardedSubscribers: false,
  // A command that is sent again later is a command that outlives its caller.
  retryDelayOnMoved: 0,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnTryAgain: 0,
  maxRedirections: 5,
  slotsRefreshTimeout: 1000,
  scaleReads: 'master',
  keyPrefix: '',
  clusterRetryStrategy: reconnectDelay,
  clusterNodeRetryStrategy: null,
} satisfies ClusterOptions;

/** Makes a client for `connection`; throws LockConfigurationError where that cannot work. */
export async function openRedisClient(connection: RedisConnectionOptions): Promise<OpenedClient> {
  if (typeof connection === 'object' && isRedisClient(connection))
    return duplicate(connection as RedisClient);
  const { Redis, Cluster } = await loadIoredis();
  // By way of a client that is not connected: what a URL says would win over options beside it.
  if (typeof connection === 'string') return duplicate(new Redis(connection, { lazyConnect: true }));
  if (isRedisCluster(connection)) {
    const options = (connection.options ?? {}) as ClusterOptions;
    const nodes = [...connection.cluster] as ClusterNode[];
    return cluster(new Cluster(nodes, hardenCluster(options)), options);
  }
  return single(new Redis({ ...connection, ...HARDENED } as RedisOptions), connection.keyPrefix);
}

/** A second client like one of ours, whose user subscribes anew after each reconnect. */
export function subscriberOf(client: RedisClient): RedisClient {
  if ('nodes' in client) return client.duplicate([], { ...client.options, shardedSubscribers: true });
  return client.duplicate({ autoResubscribe: false });
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
  return { client, Command: commandsOf(client), label: place, keyPrefix };
}

function cluster(client: Cluster, { keyPrefix, redisOptions }: ClusterOptions): OpenedClient {
  // As ioredis does it: the nodes' prefix counts where the cluster has none.
  const prefix = keyPrefix || redisOptions?.keyPrefix || '';
  return { client, Command: commandsOf(client), label: 'redis cluster', keyPrefix: prefix };
}

/** Of the copy of ioredis that the client is from, which may not be ours: `call` hands a command to `sendCommand`. */
function commandsOf(client: RedisClient): typeof Command {
  const sender = { options: {}, sendCommand: (command: Command) => command };
  const command = client.call.call(sender as never, 'ping') as unknown as Command;
  return command.constructor as typeof Command;
}

async function loadIoredis(): Promise<Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>> {
  try {
    const { default: ioredis, Cluster } = await import('ioredis');
    // The default is the class Redis, whatever the types say; Node finds no export of its name before ioredis 5.2.5.
    return { Redis: ioredis as unknown as typeof Redis, Cluster };
  } catch (cause) {
    throw new LockConfigurationError(messages.missingPeer('ioredis', 'redis'), { cause });
  }
}
