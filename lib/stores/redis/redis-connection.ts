import { performance } from 'node:perf_hooks';
import { Deadlines } from '../../common/deadlines.js';
import { LockStoreError } from '../../common/errors.js';
import type { LockLogger } from '../../common/logger.js';
import { messages } from '../../common/messages.js';
import type { OutageLog } from '../../common/outage-log.js';
import { warnOfEviction } from './eviction-warning.js';
import { connectionName } from './hardened-options.js';
import {
  openRedisClient,
  subscriberOf,
  type OpenedClient,
  type RedisClient,
  type RedisCommand,
} from './open-redis-client.js';
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
    mayHaveRun = false,
    server: RedisClient = this.#link.client,
  ): Promise<ScriptReply> {
    const deadline = performance.now() + within;
    const commandArgs: Argument[] = [script.sha, keys.length, ...keys, ...args];
    let name: 'evalsha' | 'eval' = 'evalsha';
    let failure: Error | undefined;
    // Nearly always it is ready, and there is nothing to await.
    while ((this.#link.isReady && performance.now() < deadline) || (await this.#link.readyBefore(deadline))) {
      const command = new this.#Command(name, commandArgs, { replyEncoding: 'utf8' });
      const timeout = this.#deadlines.add(deadline, () => this.#tooLate(command, within));
      this.#underWay++;
      server.sendCommand(command);
      try {
        return { value: await command.promise, retried: mayHaveRun };
      } catch (thrown) {
        const error = withoutSecrets(thrown);
        if (isUnknownScript(error)) {
          // The server has the text from then on. Not for a caller that has gone: nobody would give back what it is granted.
          name = 'eval';
          commandArgs[0] = script.lua;
          continue;
        }
        mayHaveRun ||= !surelyDidNothing(error);
        // What the server said tells more than that the last attempt had too little time.
        if (failure?.name !== 'ReplyError' || error.name === 'ReplyError') failure = error;
        if (isCuredByReconnect(error)) this.#link.replace();
        if (isCrossSlot(error)) this.#oneSlotOnly = true;
        if (!isWorthARetry(error) || deadline - performance.now() <= RETRY_DELAY) break;
        await delay(RETRY_DELAY);
      } finally {
        this.#deadlines.cancel(timeout);
        this.#underWay--;
        // V8 makes ioredis' closure `command.reject` an old object, which would keep them until a full collection.
        command.args = [];
      }
    }
    throw this.#failed(failure, within, mayHaveRun);
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

  /** Ends the wait for a reply. */
  #tooLate(command: RedisCommand, within: number): void {
    // Where the event loop was blocked the reply may be in the socket already: it is read before an immediate.
    setImmediate(() => {
      if (command.args.length === 0) return;
      command.reject(new Error(messages.noReply(within)));
      this.#link.ping();
    });
  }

  #failed(failure: Error | undefined, within: number, mayHaveRun: boolean): LockStoreError {
    const cause = this.#link.fault ?? failure ?? new Error(messages.noReply(within));
    const refused = failure !== undefined && !isWorthARetry(failure);
    const permanent = refused && !isOfWholeServer(failure);
    const message = messages.redisFailed(this.label, cause);
    return new LockStoreError(message, { cause, mayHaveRun, refused, permanent });
  }
}

/** The server does not know the script by its name. */
function isUnknownScript(error: Error): boolean {
  return error.message.startsWith('NOSCRIPT');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
