import type { Cluster, ClusterNode, ClusterOptions, Command, Redis, RedisOptions } from 'ioredis';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { hardened, hardenedCluster } from './hardened-options.js';
import { ioredisOptionsOf, isNodeRedisClient } from './node-redis-client.js';
import { isRedisClient, isRedisCluster, type RedisConnectionOptions } from './redis-connection-options.js';
import { typedOptionsOf } from './redis-url.js';

export type RedisClient = Redis | Cluster;

export type RedisCommand = Command;

/** A client of our own that is not connected yet, its name for log lines, and the user's key prefix. */
export interface OpenedClient {
  client: RedisClient;
  /** The class of the commands that the client sends. */
  Command: typeof Command;
  label: string;
  keyPrefix: string;
}

/** The current connections of a client: itself, or the connections to the nodes of the cluster. */
export function connectionsOf(client: RedisClient): Redis[] {
  return 'nodes' in client ? [...client.nodes('all'), ...shardedSubscribersOf(client)] : [client];
}

/** The connections by which a cluster client receives sharded messages. ioredis does not publish them. */
function shardedSubscribersOf(client: Cluster): Redis[] {
  const { shardedSubscribers: group } = client as unknown as {
    shardedSubscribers?: { shardedSubscribers?: Map<string, { getInstance?(): Redis | null }> };
  };
  const all = Array.from(group?.shardedSubscribers?.values() ?? [], (one) => one.getInstance?.());
  return all.filter((one) => Boolean(one)) as Redis[];
}

/**
 * Keeps the sockets and reconnect timers of a client from keeping the process alive. Otherwise an application whose
 * start has failed would never end. A call that waits for its reply keeps the process alive by itself.
 */
export function leaveProcessAlone(client: RedisClient): void {
  const watched = new WeakSet<RedisClient>();
  const watch = (one: RedisClient): void => {
    if (watched.has(one)) return;
    watched.add(one);
    one.on('connect', () => 'stream' in one && one.stream.unref());
    one.on('reconnecting', () => {
      const { reconnectTimeout } = one as unknown as { reconnectTimeout?: NodeJS.Timeout | null };
      reconnectTimeout?.unref();
    });
  };
  watch(client);
  client.on('+node', watch);
  client.on('+subscriber', () => connectionsOf(client).forEach(watch));
}

/**
 * Makes a client that is not connected yet.
 *
 * @param name for CLIENT LIST
 * @throws LockConfigurationError if ioredis is missing
 */
export async function openRedisClient(
  connection: RedisConnectionOptions,
  name: string,
): Promise<OpenedClient> {
  if (typeof connection === 'object' && isRedisClient(connection)) {
    const client = connection as RedisClient;
    return duplicate(client, chosenIn(client), name);
  }
  if (typeof connection === 'object' && isNodeRedisClient(connection)) {
    await loadIoredis(messages.nodeRedisNeedsIoredis());
    return openRedisClient(ioredisOptionsOf(connection), name);
  }
  const { Redis, Cluster } = await loadIoredis(messages.missingPeer('ioredis', 'redis'));
  if (typeof connection === 'string') {
    // Made in two steps, since in ioredis the options in a URL override options that are given with it.
    const client = new Redis(connection, { lazyConnect: true });
    return duplicate(client, { ...chosenIn(client), ...typedOptionsOf(connection) }, name);
  }
  if (isRedisCluster(connection)) {
    const options = (connection.options ?? {}) as ClusterOptions;
    const nodes = [...connection.cluster] as ClusterNode[];
    return cluster(new Cluster(nodes, hardenedCluster(options, options, name)), options);
  }
  const options = connection as RedisOptions;
  return single(new Redis({ ...options, ...hardened(options, name) }), options.keyPrefix);
}

/** A second client for subscriptions. Its user must subscribe again after each reconnect. */
export function subscriberOf(client: RedisClient): RedisClient {
  if ('nodes' in client) return client.duplicate([], { ...client.options, shardedSubscribers: true });
  return client.duplicate({ autoResubscribe: false });
}

function duplicate(client: RedisClient, chosen: object, name: string): OpenedClient {
  if ('nodes' in client)
    return cluster(client.duplicate([], hardenedCluster(client.options, chosen, name)), client.options);
  return single(client.duplicate({ ...chosen, ...hardened(chosen, name) }), client.options.keyPrefix);
}

/** The options of a client that differ from the defaults of its class. */
function chosenIn(client: RedisClient): object {
  const usual = usualOptionsOf(client);
  return Object.fromEntries(
    Object.entries(client.options).filter(([option, value]) => value !== usual[option]),
  );
}

/** The defaults of the copy of ioredis that made the client: it uses them if an option is undefined. */
function usualOptionsOf(client: RedisClient): Record<string, unknown> {
  const none = Object.fromEntries(Object.keys(client.options).map((option) => [option, undefined]));
  const options = { ...none, lazyConnect: true };
  const usual = 'nodes' in client ? client.duplicate([], options) : client.duplicate(options);
  return { ...usual.options };
}

function single(client: Redis, keyPrefix = ''): OpenedClient {
  const { host, port, path, db, tls, sentinels, name } = client.options;
  const place = sentinels
    ? `sentinel master ${name ?? ''}`
    : (path ?? `${tls ? 'rediss' : 'redis'}://${host}:${port}/${db ?? 0}`);
  return { client, Command: commandsOf(client), label: place, keyPrefix };
}

function cluster(client: Cluster, { keyPrefix, redisOptions }: ClusterOptions): OpenedClient {
  // As in ioredis, the prefix of the nodes counts if the cluster has none.
  const prefix = keyPrefix || redisOptions?.keyPrefix || '';
  return { client, Command: commandsOf(client), label: 'redis cluster', keyPrefix: prefix };
}

/**
 * The command class of the copy of ioredis that made the client, which may not be ours: `call` passes one to
 * `sendCommand`.
 */
function commandsOf(client: RedisClient): typeof Command {
  const sender = { options: {}, sendCommand: (command: Command) => command };
  const command = client.call.call(sender as never, 'ping') as unknown as Command;
  return command.constructor as typeof Command;
}

async function loadIoredis(missing: string): Promise<Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>> {
  try {
    const { default: ioredis, Cluster } = await import('ioredis');
    // The types are wrong: the default export is the class Redis. Node finds it by name only from ioredis 5.2.5 on.
    return { Redis: ioredis as unknown as typeof Redis, Cluster };
  } catch (cause) {
    throw new LockConfigurationError(missing, { cause });
  }
}
