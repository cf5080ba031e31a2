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

/** Milliseconds between two connections that are given up because the server refuses what another might allow. */
const REPLACE_DELAY = 1000;
/** Milliseconds for which a promotion that nobody has seen the end of is waited for. */
const PROMOTION_TIMEOUT = 3000;
/** Milliseconds before a client is connected again that ioredis has given up. */
const REVIVE_DELAY = 1000;

/**
 * How far the client has come with its connection:
 * - `connecting`: no server was reached since one was ready;
 * - `reached`: one was, but none has become ready. If it was found by sentinels, then they answer;
 * - `refused`: the server refused the database, and the connection is being ended;
 * - `ready`.
 */
type Stage = 'connecting' | 'reached' | 'refused' | 'ready';

/**
 * Keeps one client connected to the primary, and replaces it when its connection is silent or refused. Logs when there is
 * no connection, and wakes the calls that wait for one when there is.
 */
export class RedisLink {
  readonly label: string;
  readonly client: RedisClient;
  readonly #outages: OutageLog;
  readonly #connections: SilentConnections;
  readonly #sentinels: SentinelWatch | undefined;
  /** The calls that wait for the connection. Not listeners of the client: Node warns of more than ten. */
  readonly #waiting = new Set<(ready: boolean) => void>();
  readonly #onSwitch = new Set<() => void>();
  readonly #onReconnected = new Set<() => void>();
  /** What is wrong with the connection; undefined while it is ready. */
  #fault: Error | undefined;
  #stage: Stage = 'connecting';
  /** Whether an outage was begun here. */
  #reported = false;
  /** Whether a server was ready before. */
  #wasReadyBefore = false;
  #closed = false;
  #replacedAt = -Infinity;
  /** Runs while a replica is being promoted: what the old primary answers then is of no worth. */
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
      // ioredis would go on in database 0, where no other replica looks for the lock.
      if (this.#stage !== 'ready') this.#stage = 'refused';
      // For good: else the connection may be ready for a moment, and the next one is made without delay.
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

  /** Resolves when connected or when the first attempt has failed, so that a replica boots while Redis is down. Never rejects. */
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

  /** Why a call cannot be carried out; undefined while nothing is wrong. */
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

  /** The listener is called when another server is the primary, which this one may not know. */
  onSwitched(listener: () => void): void {
    this.#onSwitch.add(listener);
  }

  /** The listener is called when it is ready again: the server may have forgotten things, or be another one. */
  onReconnected(listener: () => void): void {
    this.#onReconnected.add(listener);
  }

  /** A reply is late: ends connections that do not answer a PING either. */
  ping(): void {
    this.#connections.ping();
  }

  /** Not at every refusal: a server that stays read-only would be connected to many times a second. */
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

  /** What is still under way to the old primary may be lost; and nothing is sent to it any more. */
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

  /** The client was ended, by ourselves or by ioredis, which does so when sentinels or all nodes of a cluster are out of reach. */
  #revive(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed && this.client.status === 'end') this.client.connect().catch(() => {});
    }, REVIVE_DELAY).unref();
  }

  #failed(error: unknown): void {
    if (this.#closed || isBegunAnew(error)) return;
    const fault = this.#asItIs(withoutSecrets(error));
    // That it was not sent must not hide why.
    if (!this.#fault || !wasNotSent(fault)) this.#fault = fault;
    if (this.client.status === 'ready') return;
    this.#reported = true;
    this.#outages.begin(this.label, this.#fault);
  }

  /** ioredis says that no sentinel can be reached when none of them names a server that is a primary, too. */
  #asItIs(fault: Error): Error {
    if (!sentinelsAreUseless(fault)) return fault;
    if (unknownToSentinels(fault)) return new Error(messages.unknownToSentinels(this.#groupName ?? ''));
    return this.#stage === 'reached' ? this.#closedFault() : fault;
  }

  /** ioredis closes a connection to what is no primary, and does not say so. */
  #closedFault(): Error {
    const name = this.#groupName;
    return new Error(name === undefined ? messages.connectionClosed() : messages.noPrimary(name));
  }

  /** Of what sentinels watch. */
  get #groupName(): string | undefined {
    return 'nodes' in this.client || !this.client.options.sentinels ? undefined : this.client.options.name;
  }

  #notReadyInTime(): void {
    this.#failed(this.#fault ?? new Error(messages.connectionNotReady(handshakeTimeoutOf(this.client))));
  }

  /** That a connection ends is no outage yet (a server closes idle ones); that the next one fails is. */
  #ended(): void {
    if (this.#stage === 'ready') {
      this.#stage = 'connecting';
      // How this one ended is not what is wrong with the next.
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
    // Else it is calls that fail: that a new connection could be had does not mean that they are answered now.
    if (this.#reported) this.#outages.end();
    this.#reported = false;
    if (this.isReady) this.#wake(true);
    if (this.#wasReadyBefore) for (const listener of this.#onReconnected) listener();
    this.#wasReadyBefore = true;
  }
}
