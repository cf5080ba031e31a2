import { hostname } from 'node:os';
import type { ClusterOptions, RedisOptions } from 'ioredis';

/** Milliseconds that a connection may take to be ready, and that start-up waits for the first. */
export const HANDSHAKE_TIMEOUT = 2000;

/** Milliseconds before attempt number `times` to reconnect. */
const reconnectDelay = (times: number): number => Math.min(25 * 2 ** Math.min(times, 6), 500);

/**
 * What guards the promises of a lock, whatever the user chose. ioredis would queue a command while offline and send it
 * again after a reconnect, long after its caller has given up: a lock that nobody owns. The prefix is applied by the store,
 * which has to keep both keys of a lock in one cluster slot; calls have a time limit of their own.
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
  // SentinelWatch does it.
  failoverDetector: false,
} satisfies RedisOptions;

/** What is better for locks than the values of ioredis, where the user did not choose. */
const PREFERENCES = {
  // A firewall that forgets idle connections would cost the one call of the night its lock.
  keepAlive: 15_000,
  connectTimeout: HANDSHAKE_TIMEOUT,
  disconnectTimeout: 100,
  maxLoadingRetryTime: 250,
  retryStrategy: reconnectDelay,
  // Sentinels that say nothing are passed over.
  sentinelCommandTimeout: 500,
  // ioredis goes on where it was in the list of them: after its end all are tried once, then RedisLink begins anew.
  sentinelRetryStrategy: (times: number) => (times === 1 ? 0 : null),
  // CLIENT SETINFO is one more right that a user would need, or one more refusal in ACL LOG for each connection.
  disableClientInfo: true,
} satisfies RedisOptions & { disableClientInfo: boolean };

const CLUSTER_GUARDS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  shardedSubscribers: false,
  // A command that is sent again later is a command that outlives its caller.
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

/** The name of our connections in CLIENT LIST, which may have no blanks, and letters of ASCII only. */
export function connectionName(replica = `${hostname()}:${process.pid}`): string {
  return `exclusive-lock:${replica}`.replace(/[^!-~]/g, '-');
}

/** What to set for a client of our own. `chosen`: what the user said, without the defaults of ioredis; `name`: ours. */
export function hardened(chosen: RedisOptions & { clientInfoTag?: string }, name: string): RedisOptions {
  return {
    ...PREFERENCES,
    ...(chosen.clientInfoTag !== undefined && { disableClientInfo: false }),
    ...picked(PREFERENCES, chosen),
    connectionName: chosen.connectionName ?? name,
    // With sentinels it also tells a primary from what was one.
    enableReadyCheck: Boolean(chosen.sentinels) || chosen.enableReadyCheck !== false,
    ...GUARDS,
  };
}

/** The same for a cluster. `options`: all that it has now. */
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

/** Those of the options that were chosen. */
function picked<T extends object>(options: T, chosen: object): Partial<T> {
  const given = Object.entries(chosen).filter(([option, value]) => option in options && value !== undefined);
  return Object.fromEntries(given) as Partial<T>;
}
