import { performance } from 'node:perf_hooks';
import { Deadlines } from '../../common/deadlines.js';
import { isErrorLike } from '../../common/error-like.js';
import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { OutageLog } from '../../common/outage-log.js';
import {
  HANDSHAKE_TIMEOUT,
  openRedisClient,
  subscriberOf,
  type OpenedClient,
  type RedisClient,
} from './open-redis-client.js';
import type { RedisConnectionOptions } from './redis-connection-options.js';
import {
  isCuredByReconnect,
  isOfDatabase,
  isWorthARetry,
  surelyDidNothing,
  wasNotSent,
  withoutSecrets,
} from './redis-errors.js';
import type { SCRIPTS } from './scripts.js';
import { SilentConnections } from './silent-connections.js';

type Script = (typeof SCRIPTS)[keyof typeof SCRIPTS];
type Argument = string | number;

/** What came back, and whether an earlier attempt may have been carried out already. */
export interface ScriptReply {
  value: unknown;
  retried: boolean;
}

/** What is sent, to whom, and until when an answer is wanted. */
interface Call {
  readonly server: RedisClient;
  readonly script: Script;
  readonly keysAndArgs: readonly Argument[];
  readonly deadline: number;
}

/** Milliseconds between two attempts while the server refuses. */
const RETRY_DELAY = 25;
/** Milliseconds between two connections that are given up because the server refuses what another might allow. */
const REPLACE_DELAY = 1000;

/**
 * One connection to Redis of our own. A call is tried again as long as it has time left: every script may run
 * twice for one record without harm. A connection that stays silent is torn down and made anew.
 */
export class RedisConnection {
  readonly label: string;
  readonly keyPrefix: string;
  readonly #client: RedisClient;
  readonly #Command: OpenedClient['Command'];
  readonly #outages: OutageLog;
  readonly #connections: SilentConnections;
  readonly #deadlines = new Deadlines(performance);
  /** The calls that wait for the connection. Not listeners of the client: Node warns of more than ten. */
  readonly #waiting = new Set<(ready: boolean) => void>();
  /** What is wrong with the connection; undefined while it is ready. */
  #fault: Error | undefined;
  #underWay = 0;
  #wasReady = false;
  #reported = false;
  #replacedAt = -Infinity;
  #closed = false;
  /** By the server, to the connection of now, which is being ended. */
  #databaseRefused = false;

  /** Resolves when connected or, so that a replica boots while Redis is down, when the first attempt has failed. */
  static async open(options: RedisConnectionOptions, outages: OutageLog): Promise<RedisConnection> {
    const connection = new RedisConnection(await openRedisClient(options), outages);
    await connection.#firstAttempt();
    return connection;
  }

  private constructor({ client, Command, label, keyPrefix }: OpenedClient, outages: OutageLog) {
    this.#client = client;
    this.#Command = Command;
    this.label = label;
    this.keyPrefix = keyPrefix;
    this.#outages = outages;
    this.#connections = new SilentConnections(client, () => this.#notReadyInTime());
    client.on('error', (error: Error) => {
      this.#failed(error);
      if (!isOfDatabase(error)) return;
      // ioredis would go on in database 0, where no other replica looks for the lock.
      this.#databaseRefused = true;
      // For good: else the connection may be ready for a moment, and the next one is made without delay.
      client.disconnect();
      void this.#connections.endAll();
    });
    client.on('close', () => this.#ended());
    client.on('ready', () => this.#recovered());
    client.on('end', () => this.#reconnect());
  }

  /**
   * Runs a script; rejects with LockStoreError after `within` milliseconds at the latest.
   * `mayHaveRun`: whether what it does may have been done already, by another command.
   */
  async run(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    within: number,
    { server = this.#client, mayHaveRun = false }: { server?: RedisClient; mayHaveRun?: boolean } = {},
  ): Promise<ScriptReply> {
    const deadline = performance.now() + within;
    const call: Call = { server, script, keysAndArgs: [keys.length, ...keys, ...args], deadline };
    let failure: Error | undefined;
    // Nearly always it is ready, and there is nothing to await.
    while ((this.#isReady && performance.now() < deadline) || (await this.#readyBefore(deadline))) {
      try {
        const value = await this.#send(call);
        return { value, retried: mayHaveRun };
      } catch (thrown) {
        const error = withoutSecrets(thrown);
        mayHaveRun ||= !surelyDidNothing(error);
        // What the server said tells more than that the last attempt had too little time.
        if (failure?.name !== 'ReplyError' || error.name === 'ReplyError') failure = error;
        if (isCuredByReconnect(error)) this.#replace();
        if (!isWorthARetry(error) || deadline - performance.now() <= RETRY_DELAY) break;
        await delay(RETRY_DELAY);
      }
    }
    const cause = this.#fault ?? failure ?? new Error(messages.noReply(within));
    const refused = failure !== undefined && !isWorthARetry(failure);
    throw new LockStoreError(messages.redisFailed(this.label, cause), { cause, mayHaveRun, refused });
  }

  /** A client for the same server that is not connected yet, for what takes a connection of its own. */
  openSubscriber(): RedisClient {
    return subscriberOf(this.#client);
  }

  /** Each of which has a part of the keys. */
  get servers(): readonly RedisClient[] {
    return 'nodes' in this.#client ? this.#client.nodes('master') : [this.#client];
  }

  /** Whether a call is under way to the server. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  get isCluster(): boolean {
    return 'nodes' in this.#client;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#fault = new Error(messages.storeClosed());
    this.#client.disconnect();
    this.#wake(false);
    await this.#connections.endAll();
    this.#deadlines.rest();
  }

  /** Calls the script by its name, or by its text where the server does not know it. */
  #send(call: Call, name: 'evalsha' | 'eval' = 'evalsha'): Promise<unknown> {
    const { server, script, keysAndArgs, deadline } = call;
    return new Promise((resolve, reject) => {
      const since = performance.now();
      let settled = false;
      const timeout = this.#deadlines.add(deadline, () => {
        // Where the event loop was blocked the reply may be in the socket already: it is read before an immediate.
        setImmediate(() => {
          if (settled) return;
          reject(new Error(messages.noReply(deadline - since)));
          this.#connections.ping();
        });
      });
      const args = [name === 'eval' ? script.lua : script.sha, ...keysAndArgs];
      const command = new this.#Command(name, args, { replyEncoding: 'utf8' });
      const settle = (): void => {
        settled = true;
        // V8 makes ioredis' closure `command.reject` an old object, which would keep them until a full collection.
        command.args = [];
        this.#deadlines.cancel(timeout);
        this.#underWay--;
      };
      server.sendCommand(command);
      this.#underWay++;
      command.promise.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          const isUnknown = isErrorLike(error) && error.message.startsWith('NOSCRIPT');
          // Not for a caller that has gone: nobody would undo it.
          if (!isUnknown || performance.now() >= deadline) reject(error);
          else this.#send(call, 'eval').then(resolve, reject);
        },
      );
    });
  }

  get #isReady(): boolean {
    return this.#client.status === 'ready' && !this.#closed;
  }

  /** Waits for the connection, for as long as there is time left. */
  async #readyBefore(deadline: number): Promise<boolean> {
    const time = deadline - performance.now();
    if (this.#closed || time <= 0) return false;
    if (this.#isReady) return true;
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

  #wake(ready: boolean): void {
    for (const settle of this.#waiting) settle(ready);
  }

  /** Never rejects, and takes no longer than a handshake may: the connection goes on being tried afterwards. */
  #firstAttempt(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#notReadyInTime();
        resolve();
      }, HANDSHAKE_TIMEOUT);
      const settle = (error?: unknown): void => {
        clearTimeout(timer);
        if (error) this.#failed(this.#fault ?? error);
        resolve();
      };
      this.#client.connect().then(() => settle(), settle);
    });
  }

  /** The client was ended, by ourselves or by ioredis, which does so when sentinels or all nodes of a cluster are out of reach. */
  #reconnect(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed && this.#client.status === 'end') this.#client.connect().catch(() => {});
    }, 1000).unref();
  }

  /** Not at every refusal: a server that stays read-only would be connected to many times a second. */
  #replace(): void {
    const now = performance.now();
    if (now - this.#replacedAt < REPLACE_DELAY) return;
    this.#replacedAt = now;
    void this.#connections.endAll();
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const fault = withoutSecrets(error);
    // That it was not sent must not hide why.
    if (!this.#fault || !wasNotSent(fault)) this.#fault = fault;
    if (this.#client.status === 'ready') return;
    this.#reported = true;
    this.#outages.begin(this.label, this.#fault);
  }

  #notReadyInTime(): void {
    this.#failed(this.#fault ?? new Error(messages.connectionNotReady(HANDSHAKE_TIMEOUT)));
  }

  /** That a connection ends is no outage yet (a server closes idle ones); that the next one fails is. */
  #ended(): void {
    this.#databaseRefused = false;
    if (!this.#wasReady) this.#failed(this.#fault ?? new Error(messages.connectionClosed()));
    this.#wasReady = false;
  }

  #recovered(): void {
    if (this.#databaseRefused) return;
    this.#wasReady = true;
    this.#fault = undefined;
    // Else it is calls that fail: that a new connection could be had does not mean that they are answered now.
    if (this.#reported) this.#outages.end();
    this.#reported = false;
    this.#wake(true);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
