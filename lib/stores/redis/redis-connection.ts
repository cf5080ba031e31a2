import { performance } from 'node:perf_hooks';
import { Deadlines } from '../../common/deadlines.js';
import { LockStoreError } from '../../common/errors.js';
import type { LockLogger } from '../../common/logger.js';
import { messages } from '../../common/messages.js';
import type { OutageLog } from '../../common/outage-log.js';
import { connectionName } from '../connection-name.js';
import { warnOfEviction } from './eviction-warning.js';
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

/** The reply of a script, and whether an earlier attempt may have run. */
export interface ScriptReply {
  value: unknown;
  retried: boolean;
}

/** The parts of the process that a connection uses. */
export interface ConnectionContext {
  readonly outages: OutageLog;
  readonly logger: LockLogger;
  /** The name of the replica, if the user gave one. */
  readonly replica?: string | undefined;
}

/** Milliseconds between two attempts while the server refuses. */
const RETRY_DELAY = 25;

/**
 * Our own connection to Redis. A call that fails is tried again while it has time left: every script may run twice for
 * one owner without harm. A connection that does not answer is ended and made anew.
 */
export class RedisConnection {
  readonly label: string;
  readonly keyPrefix: string;
  readonly logger: LockLogger;
  readonly #link: RedisLink;
  readonly #Command: OpenedClient['Command'];
  /** Calls that wait for a reply keep the process alive: the sockets do not. */
  readonly #deadlines = new Deadlines(performance, { keepAlive: true });
  #underWay = 0;
  #oneSlotOnly: boolean;

  /** Resolves when connected, or when the first attempt has failed, so that a replica starts while Redis is down. */
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
   * Runs a script.
   *
   * @param within milliseconds after which the call rejects at the latest
   * @param mayHaveRun whether another command may have done the same before
   * @throws LockStoreError
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
    // Saves an await: the link is nearly always ready.
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
          // From now on the server knows the script. The loop checks the deadline first: if the caller has given up,
          // nobody would release the lock.
          name = 'eval';
          commandArgs[0] = script.lua;
          continue;
        }
        mayHaveRun ||= !surelyDidNothing(error);
        // An error of the server says more than the timeout of a later attempt.
        if (failure?.name !== 'ReplyError' || error.name === 'ReplyError') failure = error;
        if (isCuredByReconnect(error)) this.#link.replace();
        if (isCrossSlot(error)) this.#oneSlotOnly = true;
        if (!isWorthARetry(error) || deadline - performance.now() <= RETRY_DELAY) break;
        await delay(RETRY_DELAY);
      } finally {
        this.#deadlines.cancel(timeout);
        this.#underWay--;
        // ioredis' closure `command.reject` often outlives the command, and would keep them until a full garbage
        // collection.
        command.args = [];
      }
    }
    throw this.#failed(failure, within, mayHaveRun);
  }

  /** A second client for subscriptions, not connected yet. */
  openSubscriber(): RedisClient {
    return subscriberOf(this.#link.client);
  }

  /** Calls the listener when another server has become the primary. The connected server may not know that. */
  onSwitched(listener: () => void): void {
    this.#link.onSwitched(listener);
  }

  /** Calls the listener after each reconnect: the server may have lost data, or be another server. */
  onReconnected(listener: () => void): void {
    this.#link.onReconnected(listener);
  }

  /** The primaries. In a cluster, each has a part of the keys. */
  get servers(): readonly RedisClient[] {
    const { client } = this.#link;
    return 'nodes' in client ? client.nodes('master') : [client];
  }

  /** Whether a command is under way. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /**
   * Whether each command may have the keys of one lock only: in a cluster, and after a server has answered CROSSSLOT.
   */
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
    // If the event loop was blocked, the reply may wait in the socket. It is read before an immediate runs.
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

/** Whether the server does not know the script by its hash. */
function isUnknownScript(error: Error): boolean {
  return error.message.startsWith('NOSCRIPT');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
