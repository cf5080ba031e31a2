import { randomBytes } from 'node:crypto';
import { messages } from '../../common/messages.js';
import type { QueueGrant } from '../lock-store.js';
import type { LockKeys } from './lock-keys.js';
import { leaveProcessAlone, type RedisClient } from './open-redis-client.js';
import { isForbidden } from './redis-errors.js';
import { SilentConnections } from './silent-connections.js';
import { slotOf } from './slot-of.js';

/** What the inbox needs to know of the store it belongs to. */
export interface InboxPlace {
  readonly keys: LockKeys;
  /** Makes a client that is not connected yet. */
  openClient(): RedisClient;
  /** In a cluster messages go by the slot of the lock. */
  readonly isCluster: boolean;
  readonly warn: (message: string) => void;
}

type OnNews = (grant?: QueueGrant) => void;

/** Milliseconds after which a connection that has said nothing is asked whether it is alive. */
const CHECK_EVERY = 4000;
/** Milliseconds between two connections that are given up because no message would arrive. */
const RECONNECT_DELAY = 4000;
/** Milliseconds before the server is asked again for what the user may not do. */
const REFUSED_FOR = 60_000;

/**
 * Where a process hears that a waiter was given a lock: a connection of its own, made when somebody first waits. A script
 * that frees a lock counts the listeners, so a waiter whose process is dead holds up nobody.
 */
export class RedisInbox {
  readonly #place: InboxPlace;
  readonly #id = randomBytes(12).toString('base64url');
  /** The waiters, by channel and lock. */
  readonly #watchers = new Map<string, Map<string, Set<OnNews>>>();
  /** The channels that are listened to now. */
  readonly #heard = new Set<string>();
  /** The channels that the server was asked for and has not answered. */
  readonly #subscribing = new Set<string>();
  #client: RedisClient | undefined;
  #connections: SilentConnections | undefined;
  #checkedAt = 0;
  #reconnectedAt = -Infinity;
  #refusedUntil = -Infinity;
  #toldOfRefusal = false;
  #closed = false;

  constructor(place: InboxPlace) {
    this.#place = place;
  }

  /** Calls `onNews` for each message about the lock, and when messages may have been missed. Returns what ends it. */
  watch(name: string, onNews: OnNews): () => void {
    const lock = this.#place.keys.lock(name);
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

  /** Where a script tells this process of a grant of the lock: the command and the channel. */
  address(name: string): string {
    const command = this.#place.isCluster ? 'SPUBLISH' : 'PUBLISH';
    return `${command}\n${this.#channelOf(this.#place.keys.lock(name))}`;
  }

  /** Whether messages about the lock would arrive. */
  hears(name: string): boolean {
    if (this.#isRefused) return false;
    this.#check();
    return this.#heard.has(this.#channelOf(this.#place.keys.lock(name)));
  }

  /**
   * What the server has said to a waiter: the last fencing token if it is queued; null if messages would not arrive
   * although it listens, and perhaps why; undefined if it does not listen yet.
   */
  queueing(
    name: string,
    lastToken: string | number | null | undefined,
    error: unknown,
  ): { queued: boolean; lastToken?: number } {
    if (lastToken !== undefined && lastToken !== null) return { queued: true, lastToken: Number(lastToken) };
    if (lastToken === undefined) this.listen(name);
    else if (typeof error === 'string') this.#refused(error);
    else this.reconnect();
    return { queued: false };
  }

  /** Begins to listen, so that messages about the lock arrive soon. */
  listen(name: string): void {
    if (this.#closed || this.#isRefused) return;
    if (!this.#client) this.#open();
    else if (this.#client.status === 'end') this.#connect();
    else this.#subscribe(this.#channelOf(this.#place.keys.lock(name)));
  }

  /** Messages do not arrive although it listens: to a server that is no master any more, for instance. */
  reconnect(): void {
    const now = performance.now();
    if (this.#client?.status !== 'ready' || now - this.#reconnectedAt < RECONNECT_DELAY) return;
    this.#reconnectedAt = now;
    this.#client.disconnect(true);
  }

  /** Another server is the primary, though this one may not know. */
  leaveServer(): void {
    void this.#connections?.endAll();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client?.disconnect();
    await this.#connections?.endAll();
  }

  #open(): void {
    const client = (this.#client = this.#place.openClient());
    this.#connections = new SilentConnections(client, () => {});
    leaveProcessAlone(client);
    // Waiters ask by the clock as long as there is no connection; the other connection tells the operator.
    client.on('error', () => {});
    client.on('close', () => this.#deaf());
    // Of a cluster, one of the connections.
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
        // What was told before it listened is lost.
        else for (const lock of locks.keys()) this.#tell(channel, lock);
      },
      (error: unknown) => {
        this.#subscribing.delete(channel);
        if (isForbidden(error)) this.#refused(error.message);
      },
    );
  }

  get #isRefused(): boolean {
    return performance.now() < this.#refusedUntil;
  }

  /** The user may not do what a queue needs: nor at the next question, a tenth of a second later. */
  #refused(reason: string): void {
    this.#refusedUntil = performance.now() + REFUSED_FOR;
    if (!this.#toldOfRefusal) this.#place.warn(messages.keepsNoLine(reason));
    this.#toldOfRefusal = true;
  }

  async #subscribeTo(client: RedisClient, channel: string): Promise<void> {
    if (!this.#place.isCluster) return void (await client.subscribe(channel));
    let subscribed: Promise<unknown>;
    try {
      subscribed = client.ssubscribe(channel);
    } catch (error) {
      // ioredis throws where it has not learnt which node has the slot, and learns that only when it connects.
      this.reconnect();
      throw error;
    }
    await subscribed;
  }

  /** In a cluster each lock has a channel; else there is one, which is kept. */
  #unsubscribe(channel: string): void {
    const client = this.#client;
    if (!this.#place.isCluster || !this.#heard.delete(channel) || client?.status !== 'ready') return;
    // In a function: ioredis throws, instead of rejecting, where it has not learnt which node has the slot.
    const unsubscribe = async (): Promise<unknown> => client.sunsubscribe(channel);
    unsubscribe().catch(() => {});
  }

  /** As hand-over.lua puts it. */
  #tellGrant(channel: string, message: string): void {
    const [lock, fencingToken, keptFor, owner] = message.split('\n');
    this.#tell(channel, lock, { owner, fencingToken: Number(fencingToken), keptFor: Number(keptFor) });
  }

  /** Waiters ask at once: one may have the lock for a moment only. */
  #deaf(): void {
    this.#heard.clear();
    this.#tellAll();
  }

  #tellAll(): void {
    for (const [channel, locks] of this.#watchers) for (const lock of locks.keys()) this.#tell(channel, lock);
  }

  #tell(channel: string, lock: string, grant?: QueueGrant): void {
    for (const onNews of this.#watchers.get(channel)?.get(lock) ?? []) onNews(grant);
  }

  /** A connection that is dead without knowing it would be taken by the server for a listener. */
  #check(): void {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_EVERY) return;
    this.#checkedAt = now;
    if (this.#client?.status === 'ready') this.#connections?.ping();
  }

  #channelOf(lock: string): string {
    const { isCluster, keys } = this.#place;
    if (!isCluster) return `${keys.prefix}:inbox:${this.#id}`;
    return `${slotOf(lock)}:inbox:${this.#id}`;
  }
}
