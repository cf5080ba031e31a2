import { performance } from 'node:perf_hooks';
import { isErrorLike } from '../../common/error-like.js';
import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { OutageLog } from '../../common/outage-log.js';
import { openRedisClient, type OpenedClient, type RedisClient } from './open-redis-client.js';
import type { RedisConnectionOptions } from './redis-connection-options.js';
import type { SCRIPTS } from './scripts.js';

type Script = (typeof SCRIPTS)[keyof typeof SCRIPTS];

/** What came back, and whether an earlier attempt may have been carried out already. */
export interface ScriptReply {
  value: unknown;
  retried: boolean;
}

/** ioredis did not send the command, or the server refused it before doing anything. */
const NOT_RUN =
  /^(Stream isn't writeable|Cluster isn't ready|LOADING|READONLY|OOM|MISCONF|NOAUTH|NOPERM|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MOVED|ASK)\b/;
/** Refusals that pass by themselves, often within the time of one call. */
const PASSING = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MOVED|ASK)\b/;

/** Milliseconds that a connection which is open but not ready yet may be silent, and that start-up waits for it. */
const HANDSHAKE_TIMEOUT = 2000;
/** Milliseconds between two attempts while the server refuses. */
const RETRY_DELAY = 25;

/**
 * One connection to Redis of our own. A call is tried again as long as it has time left: every script may run
 * twice for one record without harm. A connection that stays silent is torn down and made anew.
 */
export class RedisConnection {
  readonly label: string;
  readonly keyPrefix: string;
  readonly #client: RedisClient;
  readonly #outages: OutageLog;
  #lastError: Error | undefined;
  #closed = false;

  /** Resolves when connected or, so that a replica boots while Redis is down, when the first attempt has failed. */
  static async open(options: RedisConnectionOptions, outages: OutageLog): Promise<RedisConnection> {
    const connection = new RedisConnection(await openRedisClient(options), outages);
    await connection.#firstAttempt();
    return connection;
  }

  private constructor({ client, label, keyPrefix }: OpenedClient, outages: OutageLog) {
    this.#client = client;
    this.label = label;
    this.keyPrefix = keyPrefix;
    this.#outages = outages;
    client.on('error', (error: Error) => this.#outage(error));
    client.on('close', () => this.#outage(this.#lastError));
    client.on('ready', () => this.#recovered());
    client.on('connect', () => this.#watchHandshake());
    client.on('end', () => this.#reconnect());
  }

  /** Runs a script; rejects with LockStoreError after `within` milliseconds at the latest. */
  async run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    within: number,
  ): Promise<ScriptReply> {
    const deadline = performance.now() + within;
    let mayHaveRun = false;
    while (await this.#readyBefore(deadline)) {
      try {
        return { value: await this.#attempt(script, keys, args, deadline), retried: mayHaveRun };
      } catch (thrown) {
        const error = (this.#lastError = withoutSecrets(thrown));
        mayHaveRun ||= !NOT_RUN.test(error.message);
        if (error.name === 'ReplyError' && !PASSING.test(error.message)) break;
        await delay(RETRY_DELAY);
      }
    }
    const cause = this.#lastError;
    throw new LockStoreError(messages.redisFailed(this.label, cause), { cause, mayHaveRun });
  }

  get isCluster(): boolean {
    return 'nodes' in this.#client;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.disconnect();
    this.#dropStreams();
  }

  async #attempt(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    deadline: number,
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args];
    try {
      return await this.#bounded(this.#client.call('EVALSHA', script.sha, ...rest), deadline);
    } catch (error) {
      if (!isErrorLike(error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await this.#bounded(this.#client.call('EVAL', script.lua, ...rest), deadline);
    }
  }

  /** A reply that is late means a connection that may be dead without knowing it: it is replaced. */
  #bounded(reply: Promise<unknown>, deadline: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const time = Math.max(1, deadline - performance.now());
      const timer = setTimeout(() => {
        reject(new Error(messages.noReply(time)));
        this.#dropStreams();
      }, time);
      const settle =
        <T>(done: (result: T) => void) =>
        (result: T): void => {
          clearTimeout(timer);
          done(result);
        };
      reply.then(settle(resolve), settle(reject));
    });
  }

  /** Waits for the connection, for as long as there is time left. */
  async #readyBefore(deadline: number): Promise<boolean> {
    const time = deadline - performance.now();
    if (this.#closed || time <= 0) return false;
    if (this.#client.status === 'ready') return true;
    return new Promise((resolve) => {
      const settle = (ready: boolean): void => {
        clearTimeout(timer);
        this.#client.off('ready', onReady);
        resolve(ready);
      };
      const onReady = (): void => settle(true);
      const timer = setTimeout(() => settle(false), time);
      this.#client.once('ready', onReady);
    });
  }

  async #firstAttempt(): Promise<void> {
    const timer = setTimeout(() => this.#dropStreams(), HANDSHAKE_TIMEOUT);
    try {
      await this.#client.connect();
    } catch (error) {
      this.#outage(this.#lastError ?? (error as Error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** ioredis waits for ever for the first reply of a connection that was accepted and then says nothing. */
  #watchHandshake(): void {
    const timer = setTimeout(() => this.#dropStreams(), HANDSHAKE_TIMEOUT).unref();
    const clear = (): void => {
      clearTimeout(timer);
      this.#client.off('ready', clear).off('close', clear);
    };
    this.#client.once('ready', clear).once('close', clear);
  }

  #dropStreams(): void {
    const nodes = 'nodes' in this.#client ? this.#client.nodes('all') : [this.#client];
    for (const { stream } of nodes) stream?.destroy();
  }

  /** ioredis has given up, which it does when sentinels or all nodes of a cluster are out of reach. */
  #reconnect(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed && this.#client.status === 'end') this.#client.connect().catch(() => {});
    }, 1000).unref();
  }

  #outage(error: Error | undefined): void {
    if (error) this.#lastError = withoutSecrets(error);
    if (!this.#closed && this.#client.status !== 'ready') this.#outages.begin(this.label, this.#lastError);
  }

  #recovered(): void {
    this.#lastError = undefined;
    this.#outages.end();
  }
}

/** ioredis hangs the command on its errors, and with AUTH the password. */
function withoutSecrets(thrown: unknown): Error {
  const error = isErrorLike(thrown) ? thrown : new Error(String(thrown));
  delete (error as { command?: unknown }).command;
  return error;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
