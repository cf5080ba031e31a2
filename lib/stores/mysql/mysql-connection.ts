import { performance } from 'node:perf_hooks';
import type { Socket } from 'node:net';
import type { Connection, ConnectionOptions } from 'mysql2';
import { messages } from '../../common/messages.js';
import { OwnConnection, type Send } from '../sql/own-connection.js';
import { limited } from './mysql-statements.js';
import { isCuredByReconnect, withoutStatement } from './mysql-errors.js';

/** Opens a connection; `createConnection` of mysql2. */
export type OpenConnection = (options: ConnectionOptions) => Connection;

/** One connection to the server. */
export class MysqlConnection extends OwnConnection {
  readonly #connection: Connection;

  constructor(open: OpenConnection, options: ConnectionOptions, onEnd: () => void) {
    super(onEnd);
    this.#connection = open({ ...options });
    // Without a listener, the end of an idle connection would end the process.
    this.#connection.on('error', (error) => this.end(error));
    this.#connection.on('end', () => this.end(new Error(messages.connectionClosed())));
    // A statement that is under way keeps the process alive, by its timer.
    this.#connection.on('connect', () => this.#socket.unref());
    this.#socket.unref();
  }

  /**
   * Runs one statement.
   *
   * @param deadline on the clock of `performance`
   * @param within the same in milliseconds from when the caller asked, for the message
   */
  query<R>(sql: string, values: readonly unknown[], deadline: number, within: number): Promise<R> {
    const send: Send<R> = (done) =>
      this.#connection.query(limited(sql, deadline - performance.now()), [...values], (error, reply) =>
        done(error, reply as R),
      );
    return this.replyTo<R>(send, deadline, within);
  }

  protected override destroy(): void {
    this.#connection.destroy();
    // mysql2 waits for the server to close its side, which it may never do.
    this.#socket.destroy();
  }

  protected override sayGoodbye(done: () => void): void {
    this.#connection.end(done);
  }

  protected override isCuredByReconnect(error: Error): boolean {
    return isCuredByReconnect(error);
  }

  protected override toThrow(error: Error): Error {
    return withoutStatement(error);
  }

  get #socket(): Socket {
    return (this.#connection as unknown as { stream: Socket }).stream;
  }
}
