import type { Redis, RedisOptions } from 'ioredis';
import { leaveProcessAlone } from './open-redis-client.js';
import { SilentConnections } from './silent-connections.js';

/** Milliseconds between two PINGs to each sentinel. */
const PING_EVERY = 10_000;
/** Milliseconds between two attempts to reach a sentinel. */
const RETRY_EVERY = 1000;
/** Published by the sentinel that leads a failover: before it promotes a replica, and after it has told the replica. */
const PROMOTIONS = ['+failover-state-send-slaveof-noone', '+failover-state-wait-promotion'];
/**
 * Published when another server has become the primary: by the leading sentinel when it sees the promotion, by the
 * others when they learn of it, and by the leader again when the failover is over, which may be minutes later.
 */
const SWITCHES = ['+promoted-slave', '+switch-master'];

/** Callbacks for the news that sentinels publish. */
export interface OnFailover {
  /** The primary is about to be demoted. Anything written to it from now on may be lost. */
  promotion(): void;
  /** The client is connected to a server that is not the primary. */
  elsewhere(): void;
  /** The client has connected to the primary that the sentinels named while it was disconnected. */
  arrived(): void;
}

/** An option of ioredis 6, whose replies have other types without it. */
const AS_IOREDIS_5 = { protocol: 2 };

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Learns of failovers from the sentinels. In a planned failover, the old primary stays writable for about ten seconds.
 * It tells its clients nothing, and it will lose what they write. The first of these writes come before any sentinel
 * names the new primary.
 *
 * The `failoverDetector` of ioredis does less. It learns only of the end of a failover, reacts to failovers of other
 * groups, does not ask for what it missed while a sentinel was out of reach, and its connections keep the process
 * alive.
 */
export class SentinelWatch {
  readonly #client: Redis;
  readonly #on: OnFailover;
  readonly #sentinels = new Map<string, { client: Redis; connections: SilentConnections }>();
  readonly #pings: NodeJS.Timeout;
  /** The primary that the sentinels named while the client was not connected. */
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
    // One unreachable sentinel is no outage: the others report failovers.
    sentinel.on('error', () => {});
    sentinel.on('ready', () => void this.#listen(sentinel).catch(() => {}));
    sentinel.on('message', (channel: string, message: string) => this.#hear(channel, message));
    sentinel.connect().catch(() => {});
  }

  /**
   * Sends everything at once: after the subscription no other command is allowed, and no news may be missed in between.
   */
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

  /** A message is '<name> <old host> <old port> <host> <port>', or 'slave <address> <host> <port> @ <name> …'. */
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
    // The client may be connecting on the advice of a sentinel that does not know the new primary yet.
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

  /**
   * Always false for host names and for addresses that `natMap` translates. The client then reconnects once more than
   * needed.
   */
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

/** The options with which ioredis itself connects to a sentinel to ask for the primary. */
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
