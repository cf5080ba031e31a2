import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import type { ConnectionOptions } from 'mysql2';
import { messages } from '../../common/messages.js';
import { MysqlConnection, type OpenConnection } from './mysql-connection.js';
import { SESSION } from './mysql-statements.js';

/** The most connections of one store: one for decisions, one for whatever else is due meanwhile. */
const MOST = 2;

/** There was no connection: nothing was sent. */
export class NotConnectedError extends Error {}

/** The store's own connections, which are made when they are needed. */
export class MysqlConnections {
  readonly #open: OpenConnection;
  readonly #options: ConnectionOptions;
  readonly #all = new Set<MysqlConnection>();
  readonly #idle: MysqlConnection[] = [];
  /** Calls that wait for a connection, first come first. */
  readonly #waiting: (() => void)[] = [];
  readonly #onBack: (() => void)[] = [];
  #wasLost = false;
  #isClosed = false;

  constructor(open: OpenConnection, options: ConnectionOptions) {
    this.#open = open;
    this.#options = options;
  }

  /** Calls the listener when there is a connection again after one was lost. */
  onBack(listener: () => void): void {
    this.#onBack.push(listener);
  }

  /**
   * Runs one statement, as a transaction of its own. Its connection is ended if it has not answered in time. What the
   * server may still do with it then does no harm, whenever that is.
   *
   * @throws NotConnectedError, or the error of mysql2
   */
  async run<R>(sql: string, values: readonly unknown[], within: number): Promise<R> {
    const deadline = performance.now() + within;
    const connection = await this.#take(deadline, within);
    try {
      return await connection.query<R>(sql, values, deadline, within);
    } finally {
      if (!connection.hasEnded) this.#idle.push(connection);
      else if (performance.now() >= deadline) this.#endIdle();
      this.#wakeNext();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#all].map((connection) => connection.close()));
  }

  async #take(deadline: number, within: number): Promise<MysqlConnection> {
    while (!this.#isClosed && performance.now() < deadline) {
      const idle = this.#idle.pop();
      if (idle) return idle;
      if (this.#all.size < MOST) return this.#connect(deadline, within);
      await this.#turn(deadline);
    }
    throw new NotConnectedError(this.#isClosed ? messages.storeClosed() : messages.noReply(within));
  }

  async #connect(deadline: number, within: number): Promise<MysqlConnection> {
    const connection = new MysqlConnection(this.#open, this.#options, () => this.#ended(connection));
    this.#all.add(connection);
    try {
      await connection.query(SESSION, [], deadline, within);
    } catch (cause) {
      connection.end(cause as Error);
      this.#wakeNext();
      throw new NotConnectedError((cause as Error).message, { cause });
    }
    if (this.#wasLost) for (const listener of this.#onBack) listener();
    this.#wasLost = false;
    return connection;
  }

  #ended(connection: MysqlConnection): void {
    this.#all.delete(connection);
    this.#wasLost = true;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** If one is silent, the others most likely are, and each would cost a call its time. */
  #endIdle(): void {
    for (const idle of this.#idle.splice(0)) idle.end(new Error(messages.connectionClosed()));
  }

  /** Waits until a connection may be free. */
  #turn(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const tooLate = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(wake), 1);
        resolve();
      };
      const timer = setTimeout(tooLate, deadline - performance.now());
      this.#waiting.push(wake);
    });
  }

  #wakeNext(): void {
    this.#waiting.shift()?.();
  }
}
