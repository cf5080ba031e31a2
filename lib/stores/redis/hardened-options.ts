import type { ClusterOptions, RedisOptions } from 'ioredis';

/** Milliseconds that a connection may take to be ready. Start-up waits this long for the first one. */
export const HANDSHAKE_TIMEOUT = 2000;

/** Milliseconds before attempt number `times` to reconnect. */
const reconnectDelay = (times: number): number => Math.min(25 * 2 ** Math.min(times, 6), 500);

/**
 * Options that locks depend on. They override what the user chose. ioredis would queue a command while offline and send
 * it again after a reconnect, long after its caller has given up; then nobody would own the lock that it acquires. The
 * store applies the key prefix itself, so that all keys of a lock stay in one cluster slot. `RedisConnection` limits
 * the time of each call.
 */
const GUARDS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: undefined,
  socketTimeout: undefined,
  enableAutoPipelining: false,
  stringNumbers: false,
  readOnly: false,
  monitor: false,
  role: 'master',
  keyPrefix: '',
  reconnectOnError: null,
  // SentinelWatch detects failovers.
  failoverDetector: false,
} satisfies RedisOptions;

/** Defaults that suit locks better than those of ioredis. The user can override them. */
const PREFERENCES = {
  // A firewall may drop idle connections silently; then the first call after hours of silence would fail.
  keepAlive: 15_000,
  connectTimeout: HANDSHAKE_TIMEOUT,
  disconnectTimeout: 100,
  maxLoadingRetryTime: 250,
  retryStrategy: reconnectDelay,
  // So that a sentinel that does not answer is skipped.
  sentinelCommandTimeout: 500,
  // ioredis continues in the middle of the list: this lets it try all sentinels once more, then RedisLink starts over.
  sentinelRetryStrategy: (times: number) => (times === 1 ? 0 : null),
  // CLIENT SETINFO would need one more permission; without it, each connection would add a refusal to ACL LOG.
  disableClientInfo: true,
} satisfies RedisOptions & { disableClientInfo: boolean };

const CLUSTER_GUARDS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  shardedSubscribers: false,
  // A command that ioredis sends again later may outlive its caller.
  retryDelayOnMoved: 0,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnTryAgain: 0,
  scaleReads: 'master',
  keyPrefix: '',
} satisfies ClusterOptions;

const CLUSTER_PREFERENCES = {
  maxRedirections: 5,
  slotsRefreshTimeout: 1000,
  clusterRetryStrategy: reconnectDelay,
} satisfies ClusterOptions;

/**
 * The options of a client of our own. `chosen`: the user's options, without the defaults of ioredis; `name`: for CLIENT
 * LIST.
 */
export function hardened(chosen: RedisOptions & { clientInfoTag?: string }, name: string): RedisOptions {
  return {
    ...PREFERENCES,
    ...(chosen.clientInfoTag !== undefined && { disableClientInfo: false }),
    ...picked(PREFERENCES, chosen),
    connectionName: chosen.connectionName ?? name,
    // With sentinels, the ready check also detects a server that is no longer a primary.
    enableReadyCheck: Boolean(chosen.sentinels) || chosen.enableReadyCheck !== false,
    ...GUARDS,
  };
}

/** The same for a cluster. `options`: the user's options and the defaults of ioredis. */
export function hardenedCluster(
  options: ClusterOptions,
  chosen: ClusterOptions,
  name: string,
): ClusterOptions {
  const { redisOptions = {} } = options;
  return {
    ...options,
    ...CLUSTER_PREFERENCES,
    ...picked(CLUSTER_PREFERENCES, chosen),
    enableReadyCheck: chosen.enableReadyCheck !== false,
    ...CLUSTER_GUARDS,
    redisOptions: { ...redisOptions, ...hardened(redisOptions, name) },
  };
}

/** The entries of `chosen` whose options are among `options`. */
function picked<T extends object>(options: T, chosen: object): Partial<T> {
  const given = Object.entries(chosen).filter(([option, value]) => option in options && value !== undefined);
  return Object.fromEntries(given) as Partial<T>;
}
