import { messages } from '../../common/messages.js';
import type {
  NodeRedisClientLike,
  RedisClusterOptions,
  RedisServerOptions,
} from './redis-connection-options.js';

/** The options of `createClient()`, completed by node-redis: it reads the parts of a URL into the others. */
interface ClientOptions {
  url?: string;
  socket?: SocketOptions;
  username?: string;
  password?: string;
  credentialsProvider?: { type?: string };
  database?: number;
  name?: string;
  keyPrefix?: string | Buffer;
  clientInfoTag?: string;
}

interface SocketOptions {
  host?: string;
  port?: number;
  path?: string;
  family?: number;
  tls?: boolean;
  connectTimeout?: number;
  [option: string]: unknown;
}

/** The options of `createCluster()`. */
interface ClusterOptions {
  rootNodes: readonly ClientOptions[];
  defaults?: ClientOptions;
  nodeAddressMap?: unknown;
  keyPrefix?: string | Buffer;
}

/** What node-redis writes into the options if the user has chosen no time. It is longer than suits locks. */
const USUAL_CONNECT_TIMEOUT = 5000;

/** Options of node-redis for a socket that have nothing to do with TLS. */
const NOT_OF_TLS = new Set(
  'host port path family tls noDelay keepAlive keepAliveInitialDelay connectTimeout socketTimeout reconnectStrategy'.split(
    ' ',
  ),
);

export function isNodeRedisClient(value: object): value is NodeRedisClientLike {
  return typeof (value as Partial<NodeRedisClientLike>).sendCommand === 'function' && !('status' in value);
}

/** Says why the settings of the client cannot be taken over; undefined if they can. */
export function problemOfNodeRedis(client: NodeRedisClientLike): string | undefined {
  const options = optionsIn(client);
  if (!options) return messages.nodeRedisUnreadable();
  const { nodes, shared } = partsOf(options);
  if ([shared, ...nodes].some(asksForCredentials)) return messages.nodeRedisCredentials();
  const without = nodes.findIndex(lacksAddress);
  if (without >= 0) return messages.noAddress(isOfCluster(options) ? `rootNodes[${without}].url` : 'url');
  const foreign = [shared, ...nodes].map(foreignSocketOption).find((option) => option !== undefined);
  return foreign && messages.nodeRedisSocket(foreign);
}

/** The settings of a client that has no problem, as options of ioredis. */
export function ioredisOptionsOf(client: NodeRedisClientLike): RedisServerOptions | RedisClusterOptions {
  const options = optionsIn(client) ?? {};
  if (!isOfCluster(options)) return { ...addressOf(options), ...settingsOf(options) };
  const { rootNodes, defaults = {}, nodeAddressMap: natMap, keyPrefix } = options;
  return {
    cluster: rootNodes.map(withUrlRead).map((node) => ({ ...addressOf(node), ...settingsOf(node) })),
    options: {
      redisOptions: settingsOf({ ...defaults, keyPrefix }),
      ...(natMap !== undefined && { natMap }),
    },
  };
}

/** Sentinels, pools and the clusters of node-redis 4 keep their options to themselves. */
function optionsIn(client: object): ClientOptions | ClusterOptions | undefined {
  const { options, _options } = client as { options?: ClientOptions; _options?: ClusterOptions };
  return _options ?? options;
}

/** The options of each address, and those that all share. */
function partsOf(options: ClientOptions | ClusterOptions): {
  nodes: readonly ClientOptions[];
  shared: ClientOptions;
} {
  if (!isOfCluster(options)) return { nodes: [options], shared: {} };
  return { nodes: options.rootNodes, shared: options.defaults ?? {} };
}

function isOfCluster(options: ClientOptions | ClusterOptions): options is ClusterOptions {
  return 'rootNodes' in options;
}

/**
 * Whether the credentials come from a function, and may change. node-redis makes such a function of a password as well,
 * but keeps the password.
 */
function asksForCredentials({ credentialsProvider, username, password }: ClientOptions): boolean {
  if (credentialsProvider?.type === 'streaming-credentials-provider') return true;
  return credentialsProvider !== undefined && username === undefined && password === undefined;
}

/** Whether the URL is present but undefined. node-redis would connect to localhost. */
function lacksAddress(options: ClientOptions): boolean {
  const { host, path } = options.socket ?? {};
  return 'url' in options && options.url === undefined && host === undefined && path === undefined;
}

/** The first option that decides where the socket leads or comes from, and that ioredis lacks. With TLS it has them. */
function foreignSocketOption({ socket = {} }: ClientOptions): string | undefined {
  const foreign = socket.tls ? ['socket'] : ['lookup', 'localAddress', 'localPort'];
  return foreign.find((option) => socket[option] !== undefined);
}

function addressOf({ socket: { host, port, path } = {} }: ClientOptions): RedisServerOptions {
  // An explicit undefined would be no default in ioredis.
  return path === undefined ? { host: host ?? 'localhost', port: port ?? 6379 } : { path };
}

function settingsOf({ socket = {}, ...options }: ClientOptions): RedisServerOptions {
  const { connectTimeout = USUAL_CONNECT_TIMEOUT, family = 0, tls } = socket;
  const settings = {
    username: options.username,
    password: options.password,
    db: options.database,
    connectionName: options.name,
    keyPrefix: options.keyPrefix?.toString(),
    clientInfoTag: options.clientInfoTag,
    family,
    connectTimeout: connectTimeout === USUAL_CONNECT_TIMEOUT ? undefined : connectTimeout,
    tls: tls ? tlsOptionsIn(socket) : undefined,
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function tlsOptionsIn(socket: SocketOptions): object {
  return Object.fromEntries(Object.entries(socket).filter(([option]) => !NOT_OF_TLS.has(option)));
}

/** The nodes of a cluster are as the user wrote them. */
function withUrlRead(node: ClientOptions): ClientOptions {
  if (node.url === undefined) return node;
  const { hostname, port, protocol, username, password } = new URL(node.url);
  return {
    ...node,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    socket: {
      ...node.socket,
      // An IPv6 address stands in brackets.
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      ...(port && { port: Number(port) }),
      tls: protocol === 'rediss:',
    },
  };
}
