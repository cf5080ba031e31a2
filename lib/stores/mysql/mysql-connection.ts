import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { Socket } from 'node:net';
import type { Connection, ConnectionOptions } from 'mysql2';
import { messages } from '../../common/messages.js';
import { limited } from './mysql-statements.js';
import { isCuredByReconnect, withoutStatement } from './mysql-errors.js';

/** Opens a connection; `createConnection` of mysql2. */
export type OpenConnection = (options: ConnectionOptions) => Connection;

/** Milliseconds that the server gets to end a connection in good order. */
const GOODBYE = 100;

/**
 * One connection of our own. A statement that is not answered in time ends it, and so does every error after which its
 * state is unknown.
 */
export class MysqlConnection {
  readonly #connection: Connection;
  readonly #onEnd: () => void;
  /** Ends the statement that is under way. */
  #fail: ((error: Error) => void) | undefined;
  #hasEnded = false;

  constructor(open: OpenConnection, options: ConnectionOptions, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#connection = open({ ...options });
    // Without a listener, the end of an idle connection would end the process.
    this.#connection.on('error', (error) => this.end(error));
    this.#connection.on('end', () => this.end(new Error(messages.connectionClosed())));
    // A statement that is under way keeps the process alive, by its timer.
    this.#connection.on('connect', () => this.#socket.unref());
    this.#socket.unref();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Runs one statement.
   *
   * @param deadline on the clock of `performance`
   * @param within the same in milliseconds from when the caller asked, for the message
   */
  query<R>(sql: string, values: readonly unknown[], deadline: number, within: number): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#fail = undefined;
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const tooLate = (): void => {
        // Its reply may have come since the timer fired, and another statement may be under way.
        if (this.#fail === fail) this.end(new Error(messages.noReply(within)));
      };
      // If the event loop was blocked, the reply may wait in the socket. It is read before an immediate runs.
      const timer = setTimeout(() => setImmediate(tooLate), deadline - performance.now());
      this.#fail = fail;
      this.#connection.query(limited(sql, deadline - performance.now()), [...values], (error, reply) => {
        // It was too late.
        if (this.#fail !== fail) return;
        settle();
        if (!error) return resolve(reply as R);
        if (isCuredByReconnect(error)) this.end(error);
        reject(withoutStatement(error));
      });
    });
  }

  /** Ends it at once, with the statement that is under way. */
  end(reason: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#connection.destroy();
    // mysql2 waits for the server to close its side, which it may never do.
    this.#socket.destroy();
    this.#fail?.(withoutStatement(reason));
    this.#onEnd();
  }

  /** Ends it in good order if it is idle: servers count others as errors. */
  close(): Promise<void> {
    const closed = new Error(messages.storeClosed());
    if (this.#hasEnded || this.#fail) return Promise.resolve(this.end(closed));
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.end(closed);
        resolve();
      };
      const timer = setTimeout(done, GOODBYE);
      this.#connection.end(done);
    });
  }

  get #socket(): Socket {
    return (this.#connection as unknown as { stream: Socket }).stream;
  }
}
