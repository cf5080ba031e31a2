import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { messages } from '../../common/messages.js';
import type { OwnConnection } from './own-connection.js';

/** The most connections for statements: one for decisions, one for whatever else is due meanwhile. */
const MOST = 2;
/** Milliseconds before a server is asked again that has refused or ended a connection: at first, and at most. */
const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 500;
/** Milliseconds without such an end after which the next one counts as the first. */
const LONG_AGO = 2000;
/** Milliseconds by which a call fails before its time is over, to say what is wrong. */
const HEAD_START = 20;

/** There was no connection: nothing was sent. */
export class NotConnectedError extends Error {}

/** How connections are made. */
export interface ConnectionMaker<C> {
  make(onEnd: () => void): C;
  /**
   * Connects it, and gives the session what the store depends on.
   *
   * @param deadline on the clock of `performance`
   * @param within the same in milliseconds from when the caller asked, for the message
   */
  prepare(connection: C, deadline: number, within: number): Promise<unknown>;
}

/** The store's own connections, which are made when they are needed. */
export class ConnectionPool<C extends OwnConnection> {
  readonly #maker: ConnectionMaker<C>;
  readonly #all = new Set<C>();
  /** How many there are for statements, those included that are being made. */
  #count = 0;
  readonly #idle: C[] = [];
  /** Calls that wait for a connection, first come first. */
  readonly #waiting: (() => void)[] = [];
  readonly #onBack: (() => void)[] = [];
  /** Why the last connection ended, or was not made. */
  #fault: Error | undefined;
  /** How many connections have ended, each soon after the one before. */
  #failures = 0;
  #endedAt = -Infinity;
  #retryAt = -Infinity;
  #wasLost = false;
  #isClosed = false;

  constructor(maker: ConnectionMaker<C>) {
    this.#maker = maker;
  }

  /** Calls the listener when there is a connection again after one was lost. */
  onBack(listener: () => void): void {
    this.#onBack.push(listener);
  }

  /**
   * Runs one statement, as a transaction of its own. Its connection is ended if it has not answered in time. What the
   * server may still do with it then does no harm, whenever that is.
   *
   * @throws NotConnectedError, or the error of the driver
   */
  async use<R>(within: number, run: (connection: C, deadline: number) => Promise<R>): Promise<R> {
    const deadline = performance.now() + within - Math.min(HEAD_START, within / 10);
    const connection = await this.#take(deadline, within);
    try {
      return await run(connection, deadline);
    } catch (error) {
      if (connection.hasEnded) this.#fault = error as Error;
      throw error;
    } finally {
      if (!connection.hasEnded) this.#idle.push(connection);
      else if (performance.now() >= deadline) this.#endIdle();
      this.#wakeNext();
    }
  }

  /**
   * A connection for something else. The caller ends it.
   *
   * @throws the error of the driver
   */
  async open(within: number, onEnd: () => void): Promise<C> {
    if (this.#isClosed) throw new Error(messages.storeClosed());
    const connection = this.#make(onEnd);
    await this.#prepare(connection, performance.now() + within, within);
    return connection;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#all].map((connection) => connection.close()));
  }

  async #take(deadline: number, within: number): Promise<C> {
    while (!this.#isClosed && performance.now() < deadline) {
      const idle = this.#idle.pop();
      if (idle) return idle;
      if (performance.now() < this.#retryAt) await this.#turn(Math.min(this.#retryAt, deadline));
      else if (this.#count < MOST) return this.#connect(deadline, within);
      else await this.#turn(deadline);
    }
    const cause = this.#isClosed ? new Error(messages.storeClosed()) : this.#fault;
    throw new NotConnectedError(cause?.message ?? messages.noReply(within), { cause });
  }

  async #connect(deadline: number, within: number): Promise<C> {
    const connection = this.#make(() => this.#ended(connection));
    this.#count++;
    try {
      await this.#prepare(connection, deadline, within);
    } catch (cause) {
      // Why there is no time left says more than that there is none.
      if (!this.#fault || performance.now() < deadline) this.#fault = cause as Error;
      this.#wakeNext();
      throw new NotConnectedError(this.#fault.message, { cause: this.#fault });
    }
    this.#fault = undefined;
    if (this.#wasLost) for (const listener of this.#onBack) listener();
    this.#wasLost = false;
    return connection;
  }

  #make(onEnd: () => void): C {
    const connection = this.#maker.make(() => {
      this.#all.delete(connection);
      onEnd();
    });
    this.#all.add(connection);
    return connection;
  }

  async #prepare(connection: C, deadline: number, within: number): Promise<void> {
    try {
      await this.#maker.prepare(connection, deadline, within);
    } catch (error) {
      connection.end(error as Error);
      throw error;
    }
  }

  #ended(connection: C): void {
    this.#count--;
    this.#wasLost = true;
    const now = performance.now();
    this.#failures = now - this.#endedAt > LONG_AGO ? 0 : this.#failures + 1;
    this.#endedAt = now;
    this.#retryAt = now + Math.min(FIRST_PAUSE * 2 ** this.#failures, LONGEST_PAUSE);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** If one is silent, the others most likely are, and each would cost a call its time. */
  #endIdle(): void {
    for (const idle of this.#idle.splice(0)) idle.end(new Error(messages.connectionClosed()));
  }

  /** Waits until a connection may be free. */
  #turn(until: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timeUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(wake), 1);
        resolve();
      };
      const timer = setTimeout(timeUp, until - performance.now());
      this.#waiting.push(wake);
    });
  }

  #wakeNext(): void {
    this.#waiting.shift()?.();
  }
}
