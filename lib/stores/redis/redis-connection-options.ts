/**
 * How to reach Redis, Valkey or KeyDB, one of:
 * - a URL: `redis://`, `rediss://` (TLS), or the path of a Unix socket;
 * - ioredis options: `{ host, port, username, password, db, tls, sentinels, name, … }`;
 * - `{ cluster: [{ host, port }, …], options }` for Redis Cluster, with the cluster options of ioredis;
 * - an ioredis client, `Redis` or `Cluster`, or a client of node-redis, of `createClient()` or `createCluster()`: the
 *   package copies its settings into a connection of its own, and never uses, changes or closes the client itself.
 */
export type RedisConnectionOptions =
  string | RedisServerOptions | RedisClusterOptions | RedisClientLike | NodeRedisClientLike;

/** ioredis options. These say where the server is; all others are passed to ioredis. */
export interface RedisServerOptions {
  host?: string;
  port?: number;
  /** Path of a Unix socket. */
  path?: string;
  username?: string;
  password?: string;
  db?: number;
  /** A prefix for every key, as in ioredis. */
  keyPrefix?: string;
  tls?: object;
  /** Addresses of the sentinels, together with `name`. */
  sentinels?: readonly { host?: string; port?: number }[];
  /** Name of the master group the sentinels watch. */
  name?: string;
  /** Options of other packages; see `foreignOption()`. */
  url?: never;
  socket?: never;
  [option: string]: unknown;
}

/** A Redis Cluster: the nodes to connect to first, and ioredis cluster options. */
export interface RedisClusterOptions {
  cluster: readonly (string | { host?: string; port?: number })[];
  options?: Record<string, unknown>;
}

/**
 * The part of an ioredis `Redis` or `Cluster` that the package needs. Structural, so that ioredis stays an optional
 * peer.
 */
export interface RedisClientLike {
  readonly status: string;
  readonly options: object;
  duplicate(...args: never[]): unknown;
}

/**
 * The part of a client of node-redis (the package `redis`) that the package needs, of `createClient()` or, since
 * node-redis 5, `createCluster()`. Structural, so that node-redis does not become a peer.
 */
export interface NodeRedisClientLike {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): unknown;
}

/** Names that other packages have for the address. ioredis would ignore them and connect to localhost. */
const FOREIGN = ['url', 'uri', 'socket', 'nodes', 'rootNodes'];

/** The first option that is meant as the address of the server but that ioredis does not know. */
export function foreignOption(value: object): string | undefined {
  return FOREIGN.find((option) => (value as Record<string, unknown>)[option] !== undefined);
}

/** The options that tell ioredis where the server is. Without them it connects to localhost. */
const ADDRESS = ['host', 'path', 'sentinels', 'cluster'];

/**
 * The name of an address option that is present but undefined, if no other is set: ioredis would connect to localhost.
 */
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
  const isClient = typeof (value as Partial<RedisClientLike>).duplicate === 'function';
  return isClient && 'call' in value && 'status' in value;
}

export function isRedisCluster(value: object): value is RedisClusterOptions {
  return Array.isArray((value as Partial<RedisClusterOptions>).cluster);
}
