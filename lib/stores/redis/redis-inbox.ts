import { randomBytes } from 'node:crypto';
import { messages } from '../../common/messages.js';
import type { QueueGrant } from '../lock-store.js';
import type { LockKeys } from './lock-keys.js';
import { leaveProcessAlone, type RedisClient } from './open-redis-client.js';
import { isForbidden, isUnknownCommand } from './redis-errors.js';
import { SilentConnections } from './silent-connections.js';
import { slotOf } from './slot-of.js';

/** The parts of the store that the inbox uses. */
export interface InboxParts {
  readonly keys: LockKeys;
  /** Returns a client that is not connected yet. */
  openClient(): RedisClient;
  /** In a cluster, each lock has a channel in its own slot. */
  readonly isCluster: boolean;
  readonly warn: (message: string) => void;
}

type OnNews = (grant?: QueueGrant) => void;

/** Milliseconds between two checks whether the connection is alive. */
const CHECK_EVERY = 4000;
/** Least milliseconds between two reconnects because messages do not arrive. */
const RECONNECT_DELAY = 4000;
/** Milliseconds before the inbox tries again after a missing permission or command. */
const REFUSED_FOR = 60_000;

/**
 * Receives the messages that tell the waiters of this process about their grants. Uses its own connection, which is
 * opened when the first call waits. A script that hands over a lock checks whether anybody listens, so a waiter whose
 * process is dead delays the others by half a second at most.
 */
export class RedisInbox {
  readonly #parts: InboxParts;
  readonly #id = randomBytes(12).toString('base64url');
  /** The listeners, by channel and lock. */
  readonly #watchers = new Map<string, Map<string, Set<OnNews>>>();
  /** The channels that are subscribed. */
  readonly #heard = new Set<string>();
  /** The channels whose subscription is under way. */
  readonly #subscribing = new Set<string>();
  #client: RedisClient | undefined;
  #connections: SilentConnections | undefined;
  #checkedAt = 0;
  #reconnectedAt = -Infinity;
  #refusedUntil = -Infinity;
  #toldOfRefusal = false;
  #closed = false;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /**
   * Calls `onNews` for each message about the lock, and when messages may have been missed, until the returned function
   * is called.
   */
  watch(name: string, onNews: OnNews): () => void {
    const lock = this.#parts.keys.lock(name);
    const channel = this.#channelOf(lock);
    const locks = this.#watchers.get(channel) ?? new Map<string, Set<OnNews>>();
    const watchers = locks.get(lock) ?? new Set();
    this.#watchers.set(channel, locks.set(lock, watchers.add(onNews)));
    return () => {
      watchers.delete(onNews);
      if (watchers.size > 0 || locks.get(lock) !== watchers) return;
      locks.delete(lock);
      if (locks.size > 0 || this.#watchers.get(channel) !== locks) return;
      this.#watchers.delete(channel);
      this.#unsubscribe(channel);
    };
  }

  /** The command and the channel with which a script tells this process about a grant of the lock. */
  address(name: string): string {
    const command = this.#parts.isCluster ? 'SPUBLISH' : 'PUBLISH';
    return `${command}\n${this.#channelOf(this.#parts.keys.lock(name))}`;
  }

  /** Whether messages about the lock would arrive. */
  hears(name: string): boolean {
    if (this.#isRefused) return false;
    this.#check();
    return this.#heard.has(this.#channelOf(this.#parts.keys.lock(name)));
  }

  /**
   * Turns what acquire.lua says about the queue into a part of the reply, and reacts if messages do not arrive.
   *
   * @param lastToken the last fencing token if the waiter is queued; null if nobody listens on the channel as far as
   * the server can tell; undefined if the request gave no address, since this process did not listen yet
   * @param error why the server could not tell, if it said so
   */
  queueing(
    name: string,
    lastToken: string | number | null | undefined,
    error: unknown,
  ): { queued: boolean; lastToken?: number } {
    if (lastToken !== undefined && lastToken !== null) return { queued: true, lastToken: Number(lastToken) };
    if (lastToken === undefined) this.listen(name);
    else if (typeof error === 'string') this.#refused(messages.queueRefused(error));
    else this.reconnect();
    return { queued: false };
  }

  /** Subscribes, so that messages about the lock arrive soon. */
  listen(name: string): void {
    if (this.#closed || this.#isRefused) return;
    if (!this.#client) this.#open();
    else if (this.#client.status === 'end') this.#connect();
    else this.#subscribe(this.#channelOf(this.#parts.keys.lock(name)));
  }

  /**
   * Call this if messages do not arrive despite a subscription, for instance because the server is no longer a primary.
   */
  reconnect(): void {
    const now = performance.now();
    if (this.#client?.status !== 'ready' || now - this.#reconnectedAt < RECONNECT_DELAY) return;
    this.#reconnectedAt = now;
    this.#client.disconnect(true);
  }

  /** Ends the connection: another server has become the primary. The connected server may not know that. */
  leaveServer(): void {
    void this.#connections?.endAll();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client?.disconnect();
    await this.#connections?.endAll();
  }

  #open(): void {
    const client = (this.#client = this.#parts.openClient());
    this.#connections = new SilentConnections(client, () => {});
    leaveProcessAlone(client);
    // Without this connection, waiters poll. The other connection reports the outage.
    client.on('error', () => {});
    client.on('close', () => this.#disconnected());
    // In a cluster, one of the connections has ended.
    client.on('-node', () => this.#tellAll());
    client.on('ready', () => this.#subscribeAll());
    const tell = (channel: string, message: string): void => this.#tellGrant(channel, message);
    client.on('message', tell);
    client.on('smessage', tell);
    this.#connect();
  }

  #connect(): void {
    this.#client?.connect().catch(() => {});
  }

  #subscribeAll(): void {
    for (const channel of this.#watchers.keys()) this.#subscribe(channel);
  }

  #subscribe(channel: string): void {
    const client = this.#client;
    if (client?.status !== 'ready' || this.#heard.has(channel) || this.#subscribing.has(channel)) return;
    this.#subscribing.add(channel);
    this.#subscribeTo(client, channel).then(
      () => {
        this.#subscribing.delete(channel);
        this.#heard.add(channel);
        const locks = this.#watchers.get(channel);
        if (!locks) this.#unsubscribe(channel);
        // Messages from before the subscription are lost.
        else for (const lock of locks.keys()) this.#tell(channel, lock);
      },
      (error: unknown) => {
        this.#subscribing.delete(channel);
        if (isForbidden(error)) this.#refused(messages.queueRefused(error.message));
        // Before Redis 7 a cluster has no sharded messages. Other messages reach all nodes, but none knows who listens there.
        if (isUnknownCommand(error)) this.#refused(messages.noShardedMessages());
      },
    );
  }

  get #isRefused(): boolean {
    return performance.now() < this.#refusedUntil;
  }

  /** The server refuses what a queue needs. Polling waiters must not try again ten times a second. */
  #refused(warning: string): void {
    this.#refusedUntil = performance.now() + REFUSED_FOR;
    if (!this.#toldOfRefusal) this.#parts.warn(warning);
    this.#toldOfRefusal = true;
  }

  async #subscribeTo(client: RedisClient, channel: string): Promise<void> {
    if (!this.#parts.isCluster) return void (await client.subscribe(channel));
    let subscribed: Promise<unknown>;
    try {
      subscribed = client.ssubscribe(channel);
    } catch (error) {
      // ioredis throws if it does not know the node of the slot, and finds it out only when it connects.
      this.reconnect();
      throw error;
    }
    await subscribed;
  }

  /** Only in a cluster, in which each lock has a channel. Elsewhere there is one channel, which stays subscribed. */
  #unsubscribe(channel: string): void {
    const client = this.#client;
    if (!this.#parts.isCluster || !this.#heard.delete(channel) || client?.status !== 'ready') return;
    // An async function, since ioredis throws instead of rejecting if it does not know the node of the slot.
    const unsubscribe = async (): Promise<unknown> => client.sunsubscribe(channel);
    unsubscribe().catch(() => {});
  }

  /** Reads a message of queue.lua. */
  #tellGrant(channel: string, message: string): void {
    const [lock, fencingToken, keptFor, owner] = message.split('\n');
    this.#tell(channel, lock, { owner, fencingToken: Number(fencingToken), keptFor: Number(keptFor) });
  }

  /**
   * The connection has ended. Waiters ask at once: a lock that was given to one of them is kept for half a second only.
   */
  #disconnected(): void {
    this.#heard.clear();
    this.#tellAll();
  }

  #tellAll(): void {
    for (const [channel, locks] of this.#watchers) for (const lock of locks.keys()) this.#tell(channel, lock);
  }

  #tell(channel: string, lock: string, grant?: QueueGrant): void {
    for (const onNews of this.#watchers.get(channel)?.get(lock) ?? []) onNews(grant);
  }

  /** Pings now and then: the server counts a dead connection that looks open as a listener. */
  #check(): void {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_EVERY) return;
    this.#checkedAt = now;
    if (this.#client?.status === 'ready') this.#connections?.ping();
  }

  #channelOf(lock: string): string {
    const { isCluster, keys } = this.#parts;
    if (!isCluster) return `${keys.prefix}:inbox:${this.#id}`;
    return `${slotOf(lock)}:inbox:${this.#id}`;
  }
}
