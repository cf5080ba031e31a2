import { performance } from 'node:perf_hooks';
import { messages } from '../../common/messages.js';
import type { OutageLog } from '../../common/outage-log.js';
import { leaveProcessAlone, type OpenedClient, type RedisClient } from './open-redis-client.js';
import {
  isBegunAnew,
  isOfDatabase,
  sentinelsAreUseless,
  unknownToSentinels,
  wasNotSent,
  withoutSecrets,
} from './redis-errors.js';
import { SentinelWatch } from './sentinel-watch.js';
import { SilentConnections, handshakeTimeoutOf } from './silent-connections.js';

/** Least milliseconds between two connections that are replaced because the server refuses commands. */
const REPLACE_DELAY = 1000;
/** Milliseconds to wait for the end of a promotion. */
const PROMOTION_TIMEOUT = 3000;
/** Milliseconds before a client that ioredis has given up is connected again. */
const REVIVE_DELAY = 1000;

/**
 * The state of the client's connection:
 * - `connecting`: no server was reached since the last one was ready;
 * - `reached`: a server was reached but is not ready. If there are sentinels, they have answered;
 * - `refused`: the server refused the database, and the connection is being ended;
 * - `ready`.
 */
type Stage = 'connecting' | 'reached' | 'refused' | 'ready';

/**
 * Keeps one client connected to the primary, and replaces its connection if that is silent or refused. Logs outages,
 * and wakes the calls that wait for a connection.
 */
export class RedisLink {
  readonly label: string;
  readonly client: RedisClient;
  readonly #outages: OutageLog;
  readonly #connections: SilentConnections;
  readonly #sentinels: SentinelWatch | undefined;
  /**
   * The calls that wait for the connection. They are not listeners of the client, since Node warns about more than ten.
   */
  readonly #waiting = new Set<(ready: boolean) => void>();
  readonly #onSwitch = new Set<() => void>();
  readonly #onReconnected = new Set<() => void>();
  /** Why there is no connection; undefined while it is ready. */
  #fault: Error | undefined;
  #stage: Stage = 'connecting';
  /** Whether this link has reported an outage that has not ended. */
  #reported = false;
  /** Whether a connection was ready before. */
  #wasReadyBefore = false;
  #closed = false;
  #replacedAt = -Infinity;
  /** Runs while a replica is being promoted: replies of the old primary do not count in this time. */
  #promotion: NodeJS.Timeout | undefined;

  constructor({ client, label }: OpenedClient, outages: OutageLog) {
    this.client = client;
    this.label = label;
    this.#outages = outages;
    this.#connections = new SilentConnections(client, () => this.#notReadyInTime());
    leaveProcessAlone(client);
    client.on('error', (error: Error) => {
      this.#failed(error);
      if (!isOfDatabase(error)) return;
      // ioredis would continue in database 0, where no other replica looks for the lock.
      if (this.#stage !== 'ready') this.#stage = 'refused';
      // Without this, the connection may become ready for a moment, and ioredis reconnects without delay.
      client.disconnect();
      void this.#connections.endAll();
    });
    client.on('connect', () => (this.#stage = 'reached'));
    client.on('close', () => this.#ended());
    client.on('ready', () => this.#recovered());
    client.on('end', () => this.#revive());
    if (!('nodes' in client) && client.options.sentinels)
      this.#sentinels = new SentinelWatch(client, {
        promotion: () => this.#awaitPrimary(),
        elsewhere: () => this.#leavePrimary(),
        arrived: () => this.#trustPrimary(),
      });
  }

  /**
   * Resolves when connected, or when the first attempt has failed, so that a replica starts while Redis is down. Never
   * rejects.
   */
  open(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#notReadyInTime();
        resolve();
      }, handshakeTimeoutOf(this.client));
      const settle = (error?: unknown): void => {
        clearTimeout(timer);
        if (error) this.#failed(this.#fault ?? error);
        resolve();
      };
      this.client.connect().then(() => settle(), settle);
    });
  }

  get isReady(): boolean {
    return this.client.status === 'ready' && !this.#closed && !this.#promotion;
  }

  /** Why there is no connection; undefined while nothing is wrong. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** Waits for the connection until `deadline`, and keeps the process alive meanwhile. */
  async readyBefore(deadline: number): Promise<boolean> {
    const time = deadline - performance.now();
    if (this.#closed || time <= 0) return false;
    if (this.isReady) return true;
    return new Promise((resolve) => {
      const settle = (ready: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve(ready);
      };
      const timer = setTimeout(settle, time, false);
      this.#waiting.add(settle);
    });
  }

  /** Calls the listener when another server has become the primary. The connected server may not know that. */
  onSwitched(listener: () => void): void {
    this.#onSwitch.add(listener);
  }

  /** Calls the listener after each reconnect: the server may have lost data, or be another server. */
  onReconnected(listener: () => void): void {
    this.#onReconnected.add(listener);
  }

  /** Call this when a reply is late. Ends the connections that do not answer a PING. */
  ping(): void {
    this.#connections.ping();
  }

  /** Ends the connection, so that ioredis makes a new one. Not more than once a second: a server may stay read-only. */
  replace(): void {
    const now = performance.now();
    if (now - this.#replacedAt < REPLACE_DELAY) return;
    this.#replacedAt = now;
    void this.#connections.endAll();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#fault = new Error(messages.storeClosed());
    clearTimeout(this.#promotion);
    this.client.disconnect();
    this.#wake(false);
    await Promise.all([this.#connections.endAll(), this.#sentinels?.close()]);
  }

  /** Stops sending to the old primary, and ends its connections: it may lose all that is under way. */
  #awaitPrimary(): void {
    if (this.#closed) return;
    clearTimeout(this.#promotion);
    this.#promotion = setTimeout(() => this.#trustPrimary(), PROMOTION_TIMEOUT).unref();
    void this.#connections.endAll();
  }

  #leavePrimary(): void {
    if (this.#closed) return;
    this.#trustPrimary();
    void this.#connections.endAll();
    for (const listener of this.#onSwitch) listener();
  }

  #trustPrimary(): void {
    clearTimeout(this.#promotion);
    this.#promotion = undefined;
    if (this.isReady) this.#wake(true);
  }

  #wake(ready: boolean): void {
    for (const settle of this.#waiting) settle(ready);
  }

  /**
   * Connects again after the client has ended. ioredis ends it if all sentinels or all nodes of a cluster are out of
   * reach.
   */
  #revive(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed && this.client.status === 'end') this.client.connect().catch(() => {});
    }, REVIVE_DELAY).unref();
  }

  #failed(error: unknown): void {
    if (this.#closed || isBegunAnew(error)) return;
    const fault = this.#asItIs(withoutSecrets(error));
    // An error that only says "not sent" must not replace the reason.
    if (!this.#fault || !wasNotSent(fault)) this.#fault = fault;
    if (this.client.status === 'ready') return;
    this.#reported = true;
    this.#outages.begin(this.label, this.#fault);
  }

  /** ioredis says that no sentinel can be reached even if they answer, but none names a server that is a primary. */
  #asItIs(fault: Error): Error {
    if (!sentinelsAreUseless(fault)) return fault;
    if (unknownToSentinels(fault)) return new Error(messages.unknownToSentinels(this.#groupName ?? ''));
    return this.#stage === 'reached' ? this.#closedFault() : fault;
  }

  /** ioredis closes a connection to a server that is no primary, and does not say why. */
  #closedFault(): Error {
    const name = this.#groupName;
    return new Error(name === undefined ? messages.connectionClosed() : messages.noPrimary(name));
  }

  /** The name of the primary group; undefined without sentinels. */
  get #groupName(): string | undefined {
    return 'nodes' in this.client || !this.client.options.sentinels ? undefined : this.client.options.name;
  }

  #notReadyInTime(): void {
    this.#failed(this.#fault ?? new Error(messages.connectionNotReady(handshakeTimeoutOf(this.client))));
  }

  /**
   * The end of a ready connection is no outage yet, since servers close idle ones. A failure of the next connection is.
   */
  #ended(): void {
    if (this.#stage === 'ready') {
      this.#stage = 'connecting';
      // The error of this connection says nothing about the next one.
      this.#fault = undefined;
      return;
    }
    this.#failed(this.#fault ?? this.#closedFault());
    if (this.#stage === 'refused') this.#stage = 'reached';
  }

  #recovered(): void {
    if (this.#stage === 'refused') return;
    this.#stage = 'ready';
    this.#fault = undefined;
    // If calls have reported the outage, only a call that is answered ends it.
    if (this.#reported) this.#outages.end();
    this.#reported = false;
    if (this.isReady) this.#wake(true);
    if (this.#wasReadyBefore) for (const listener of this.#onReconnected) listener();
    this.#wasReadyBefore = true;
  }
}
