import type { Redis, RedisOptions } from 'ioredis';
import { leaveProcessAlone } from './open-redis-client.js';
import { SilentConnections } from './silent-connections.js';

/** Milliseconds between two PINGs of a sentinel that has nothing to tell. */
const PING_EVERY = 10_000;
/** Milliseconds between two attempts to reach a sentinel. */
const RETRY_EVERY = 1000;
/** What the sentinel that leads a failover publishes before it promotes a replica, and when it has asked for that. */
const PROMOTIONS = ['+failover-state-send-slaveof-noone', '+failover-state-wait-promotion'];
/**
 * What a sentinel publishes when another server is the primary: the leader when it has seen that, all others when they have
 * heard of it, and the leader again when the failover is over, which may be minutes later.
 */
const SWITCHES = ['+promoted-slave', '+switch-master'];

/** What to do when the sentinels tell something. */
export interface OnFailover {
  /** The primary is about to be one no more. What is written there from now on may be lost. */
  promotion(): void;
  /** Another server is the primary than the one to which the client is connected. */
  elsewhere(): void;
  /** The client is connected to the primary that was told of in the meantime. */
  arrived(): void;
}

/** An option of ioredis 6, whose replies would be of other types. */
const AS_IOREDIS_5 = { protocol: 2 };

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Hears from the sentinels of a failover. A planned one leaves the old primary writable for some ten seconds, in which it
 * tells its clients nothing and will lose all that they write; the first of them before any sentinel names the new one.
 * `failoverDetector` of ioredis does less: it hears only of the end of a failover, heeds those of other groups, does not
 * ask what it has missed while a sentinel was out of reach, and its connections keep the process alive.
 */
export class SentinelWatch {
  readonly #client: Redis;
  readonly #on: OnFailover;
  readonly #sentinels = new Map<string, { client: Redis; connections: SilentConnections }>();
  readonly #pings: NodeJS.Timeout;
  /** Where the primary is, as told while the client was between two connections. */
  #toldMeanwhile: Address | undefined;

  /** `client` finds its server by sentinels. */
  constructor(client: Redis, on: OnFailover) {
    this.#client = client;
    this.#on = on;
    client.on('ready', () => this.#connected());
    this.#pings = setInterval(() => this.#ping(), PING_EVERY).unref();
    for (const { host = '127.0.0.1', port = 26379 } of client.options.sentinels ?? [])
      this.#attend({ host, port });
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    const all = [...this.#sentinels.values()];
    for (const { client } of all) client.disconnect();
    await Promise.all(all.map(({ connections }) => connections.endAll()));
  }

  #attend({ host, port }: Address): void {
    const address = `${host}:${port}`;
    if (this.#sentinels.has(address) || this.#sentinels.size >= this.#most) return;
    const sentinel = this.#client.duplicate(sentinelOptions(this.#client.options, host, port));
    this.#sentinels.set(address, {
      client: sentinel,
      connections: new SilentConnections(sentinel, () => {}),
    });
    leaveProcessAlone(sentinel);
    // That a sentinel is away is no outage: the others tell.
    sentinel.on('error', () => {});
    sentinel.on('ready', () => void this.#listen(sentinel).catch(() => {}));
    sentinel.on('message', (channel: string, message: string) => this.#hear(channel, message));
    sentinel.connect().catch(() => {});
  }

  /** All at once: a connection that has subscribed may not ask, and nothing that happens in between must be missed. */
  async #listen(sentinel: Redis): Promise<void> {
    const { name, updateSentinels } = this.#client.options;
    const [primary, others] = await Promise.all([
      sentinel.call('SENTINEL', 'get-master-addr-by-name', name ?? ''),
      updateSentinels === false ? [] : sentinel.call('SENTINEL', 'sentinels', name ?? ''),
      sentinel.subscribe(...PROMOTIONS, ...SWITCHES),
    ]);
    const [host, port] = (primary ?? []) as string[];
    if (host !== undefined) this.#told({ host, port: Number(port) });
    for (const fields of others as string[][]) {
      const field = (key: string): string => fields[fields.indexOf(key) + 1];
      this.#attend({ host: field('ip'), port: Number(field('port')) });
    }
  }

  /** '<name> <old host> <old port> <host> <port>', or 'slave <address> <host> <port> @ <name> <old host> <old port>'. */
  #hear(channel: string, message: string): void {
    const words = message.split(' ');
    const isFlat = channel === '+switch-master';
    const name = isFlat ? words[0] : words[words.indexOf('@') + 1];
    if (name !== this.#client.options.name) return;
    const [host, port] = isFlat ? words.slice(3) : words.slice(2);
    if (SWITCHES.includes(channel)) this.#told({ host, port: Number(port) });
    else this.#on.promotion();
  }

  #told(primary: Address): void {
    // It may have asked a sentinel that has not heard yet.
    if (this.#client.status !== 'ready') this.#toldMeanwhile = primary;
    else if (!this.#isAt(primary)) this.#on.elsewhere();
  }

  #connected(): void {
    const primary = this.#toldMeanwhile;
    this.#toldMeanwhile = undefined;
    if (!primary) return;
    if (this.#isAt(primary)) this.#on.arrived();
    else this.#on.elsewhere();
  }

  /** Addresses that are names, or are translated by `natMap`, differ always; then it connects once too often. */
  #isAt({ host, port }: Address): boolean {
    const { remoteAddress, remotePort } = this.#client.stream;
    return remotePort === port && remoteAddress?.replace(/^::ffff:/, '') === host;
  }

  get #most(): number {
    return this.#client.options.sentinelMaxConnections ?? 10;
  }

  #ping(): void {
    for (const { client, connections } of this.#sentinels.values())
      if (client.status === 'ready') connections.ping();
  }
}

/** Of a connection to one sentinel, as ioredis makes it when it asks for the primary. */
function sentinelOptions(options: RedisOptions, host: string, port: number): Partial<RedisOptions> {
  return {
    host,
    port,
    sentinels: undefined,
    name: undefined,
    username: options.sentinelUsername ?? undefined,
    password: options.sentinelPassword ?? undefined,
    tls: options.sentinelTLS,
    db: 0,
    enableReadyCheck: false,
    autoResubscribe: false,
    retryStrategy: () => RETRY_EVERY,
    ...AS_IOREDIS_5,
  };
}
