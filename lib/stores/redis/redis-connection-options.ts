/**
 * How to reach Redis, Valkey or KeyDB. One of
 * - a URL: `redis://`, `rediss://` (TLS), or the path of a Unix socket;
 * - ioredis options: `{ host, port, username, password, db, tls, sentinels, name, … }`;
 * - `{ cluster: [{ host, port }, …], options }` for Redis Cluster, `options` being ioredis cluster options;
 * - an ioredis client, `Redis` or `Cluster`: its settings are copied into a connection of our own; the client
 *   itself is never used, changed or closed.
 */
export type RedisConnectionOptions = string | RedisServerOptions | RedisClusterOptions | RedisClientLike;

/** ioredis options, as far as they say where the server is; the others pass through. */
export interface RedisServerOptions {
  host?: string;
  port?: number;
  /** Path of a Unix socket. */
  path?: string;
  username?: string;
  password?: string;
  db?: number;
  /** Put before every key, as ioredis does. */
  keyPrefix?: string;
  tls?: object;
  /** Addresses of the sentinels, together with `name`. */
  sentinels?: readonly { host?: string; port?: number }[];
  /** Name of the master group the sentinels watch. */
  name?: string;
  /** Of other packages. */
  url?: never;
  socket?: never;
  [option: string]: unknown;
}

/** A Redis Cluster: some of its nodes to start from, and ioredis cluster options. */
export interface RedisClusterOptions {
  cluster: readonly (string | { host?: string; port?: number })[];
  options?: Record<string, unknown>;
}

/** What is needed of an ioredis `Redis` or `Cluster`. Structural, so that ioredis stays an optional peer. */
export interface RedisClientLike {
  readonly status: string;
  readonly options: object;
  duplicate(...args: never[]): unknown;
}

/** What other packages call the address; ioredis would pass over it, and connect to localhost. */
const FOREIGN = ['url', 'uri', 'socket', 'nodes', 'rootNodes'];

/** The first option that ioredis does not know, although it says where the server is. */
export function foreignOption(value: object): string | undefined {
  return FOREIGN.find((option) => (value as Record<string, unknown>)[option] !== undefined);
}

/** What tells ioredis where the server is; without any it connects to localhost. */
const ADDRESS = ['host', 'path', 'sentinels', 'cluster'];

/** An address that is there without a value, where there is no other one: ioredis would connect to localhost. */
export function addressWithoutValue(value: object): string | undefined {
  const { sentinels, cluster } = value as { sentinels?: unknown; cluster?: unknown };
  if (ADDRESS.every((option) => (value as Record<string, unknown>)[option] === undefined)) {
    return ADDRESS.find((option) => option in value);
  }
  for (const [option, nodes] of Object.entries({ sentinels, cluster })) {
    const index = Array.isArray(nodes) ? nodes.findIndex(lacksHost) : -1;
    if (index >= 0) return `${option}[${index}].host`;
  }
  return undefined;
}

function lacksHost(node: unknown): boolean {
  if (node === undefined) return true;
  return typeof node === 'object' && node !== null && 'host' in node && node.host === undefined;
}

export function isRedisClient(value: object): value is RedisClientLike {
  return typeof (value as Partial<RedisClientLike>).duplicate === 'function';
}

export function isRedisCluster(value: object): value is RedisClusterOptions {
  return Array.isArray((value as Partial<RedisClusterOptions>).cluster);
}
