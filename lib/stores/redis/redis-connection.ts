import { performance } from 'node:perf_hooks';
import { Deadlines } from '../../common/deadlines.js';
import { isErrorLike } from '../../common/error-like.js';
import { LockStoreError } from '../../common/errors.js';
import type { LockLogger } from '../../common/logger.js';
import { messages } from '../../common/messages.js';
import type { OutageLog } from '../../common/outage-log.js';
import { warnOfEviction } from './eviction-warning.js';
import { connectionName } from './hardened-options.js';
import { openRedisClient, subscriberOf, type OpenedClient, type RedisClient } from './open-redis-client.js';
import type { RedisConnectionOptions } from './redis-connection-options.js';
import {
  isCrossSlot,
  isCuredByReconnect,
  isOfWholeServer,
  isWorthARetry,
  surelyDidNothing,
  withoutSecrets,
} from './redis-errors.js';
import { RedisLink } from './redis-link.js';
import type { SCRIPTS } from './scripts.js';

export type Script = (typeof SCRIPTS)[keyof typeof SCRIPTS];
export type Argument = string | number;

/** What came back, and whether an earlier attempt may have been carried out already. */
export interface ScriptReply {
  value: unknown;
  retried: boolean;
}

/** What a connection needs to know of the process that it is for. */
export interface ConnectionContext {
  readonly outages: OutageLog;
  readonly logger: LockLogger;
  /** The name of the replica, where it was given one. */
  readonly replica?: string | undefined;
}

/** What is sent, to whom, and until when an answer is wanted. */
interface Call {
  readonly server: RedisClient;
  readonly script: Script;
  /** As EVALSHA takes them. */
  readonly args: readonly Argument[];
  readonly deadline: number;
}

/** Milliseconds between two attempts while the server refuses. */
const RETRY_DELAY = 25;
/**
 * One connection to Redis of our own. A call is tried again as long as it has time left: every script may run
 * twice for one owner without harm. A connection that stays silent is torn down and made anew.
 */
export class RedisConnection {
  readonly label: string;
  readonly keyPrefix: string;
  readonly logger: LockLogger;
  readonly #link: RedisLink;
  readonly #Command: OpenedClient['Command'];
  /** What waits for an answer keeps the process alive: the sockets do not. */
  readonly #deadlines = new Deadlines(performance, { keepAlive: true });
  #underWay = 0;
  #oneSlotOnly: boolean;

  /** Resolves when connected or, so that a replica boots while Redis is down, when the first attempt has failed. */
  static async open(
    options: RedisConnectionOptions,
    { outages, logger, replica }: ConnectionContext,
  ): Promise<RedisConnection> {
    const opened = await openRedisClient(options, connectionName(replica));
    const connection = new RedisConnection(opened, outages, logger);
    warnOfEviction(opened, logger);
    await connection.#link.open();
    return connection;
  }

  private constructor(opened: OpenedClient, outages: OutageLog, logger: LockLogger) {
    this.logger = logger;
    this.#Command = opened.Command;
    this.label = opened.label;
    this.keyPrefix = opened.keyPrefix;
    this.#link = new RedisLink(opened, outages);
    this.#oneSlotOnly = this.isCluster;
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
    { server = this.#link.client, mayHaveRun = false }: { server?: RedisClient; mayHaveRun?: boolean } = {},
  ): Promise<ScriptReply> {
    const deadline = performance.now() + within;
    const call: Call = { server, script, args: [script.sha, keys.length, ...keys, ...args], deadline };
    let failure: Error | undefined;
    // Nearly always it is ready, and there is nothing to await.
    while ((this.#link.isReady && performance.now() < deadline) || (await this.#link.readyBefore(deadline))) {
      try {
        const value = await this.#send(call);
        return { value, retried: mayHaveRun };
      } catch (thrown) {
        const error = withoutSecrets(thrown);
        mayHaveRun ||= !surelyDidNothing(error);
        // What the server said tells more than that the last attempt had too little time.
        if (failure?.name !== 'ReplyError' || error.name === 'ReplyError') failure = error;
        if (isCuredByReconnect(error)) this.#link.replace();
        if (isCrossSlot(error)) this.#oneSlotOnly = true;
        if (!isWorthARetry(error) || deadline - performance.now() <= RETRY_DELAY) break;
        await delay(RETRY_DELAY);
      }
    }
    const cause = this.#link.fault ?? failure ?? new Error(messages.noReply(within));
    const refused = failure !== undefined && !isWorthARetry(failure);
    const permanent = refused && !isOfWholeServer(failure);
    throw new LockStoreError(messages.redisFailed(this.label, cause), {
      cause,
      mayHaveRun,
      refused,
      permanent,
    });
  }

  /** A client for the same server that is not connected yet, for what takes a connection of its own. */
  openSubscriber(): RedisClient {
    return subscriberOf(this.#link.client);
  }

  /** The listener is called when another server is the primary, which this one may not know. */
  onSwitched(listener: () => void): void {
    this.#link.onSwitched(listener);
  }

  /** The listener is called when it is ready again: the server may have forgotten things, or be another one. */
  onReconnected(listener: () => void): void {
    this.#link.onReconnected(listener);
  }

  /** Each of which has a part of the keys. */
  get servers(): readonly RedisClient[] {
    const { client } = this.#link;
    return 'nodes' in client ? client.nodes('master') : [client];
  }

  /** Whether a call is under way to the server. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /** Whether a command must keep to the keys of one lock: in a cluster, and once a server has answered CROSSSLOT. */
  get oneSlotOnly(): boolean {
    return this.#oneSlotOnly;
  }

  get isCluster(): boolean {
    return 'nodes' in this.#link.client;
  }

  async close(): Promise<void> {
    await this.#link.close();
    this.#deadlines.rest();
  }

  /** Calls the script by its name, or by its text where the server does not know it. */
  #send(call: Call, name: 'evalsha' | 'eval' = 'evalsha'): Promise<unknown> {
    const { server, script, deadline } = call;
    return new Promise((resolve, reject) => {
      const since = performance.now();
      let settled = false;
      const timeout = this.#deadlines.add(deadline, () => {
        // Where the event loop was blocked the reply may be in the socket already: it is read before an immediate.
        setImmediate(() => {
          if (settled) return;
          reject(new Error(messages.noReply(deadline - since)));
          this.#link.ping();
        });
      });
      const args = name === 'eval' ? [script.lua, ...call.args.slice(1)] : call.args;
      const command = new this.#Command(name, args as Argument[], { replyEncoding: 'utf8' });
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
          // Not for a caller that has gone: nobody would give back what it is granted.
          if (!isUnknown || performance.now() >= deadline) reject(error);
          else this.#send(call, 'eval').then(resolve, reject);
        },
      );
    });
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
