import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { Socket } from 'node:net';
import type { Client, ClientConfig, Notification, QueryResult } from 'pg';
import { messages } from '../../common/messages.js';
import { isCuredByReconnect } from './postgres-errors.js';
import type { Statement } from './postgres-statements.js';

/** The class `Client` of pg. */
export type ClientClass = new (config: ClientConfig) => Client;

/** A row of a reply, with all values as text. */
export type TextRow = Readonly<Record<string, string | null>>;

const SECOND = 1000;
/** Milliseconds by which the server ends a statement later than the caller gives it up. */
const MARGIN = 500;
/** Milliseconds that the server gets to end a connection in good order. */
const GOODBYE = 100;
/** The parsers that the user may have registered with pg are not for us. */
const AS_TEXT = { getTypeParser: () => (text: string | Buffer) => String(text) };

/**
 * One connection of our own. A statement that is not answered in time ends it, and so does every error after which its
 * state is unknown.
 */
export class PostgresConnection {
  readonly #client: Client;
  readonly #pooler: boolean | undefined;
  readonly #onEnd: () => void;
  /** Ends the wait for the reply that is under way. */
  #fail: ((error: Error) => void) | undefined;
  #isDirect = false;
  #hasEnded = false;
  /** Milliseconds after which the server ends a statement. */
  #statementTimeout = 0;

  /** @param pooler whether a transaction pooler is in between; undefined: as it turns out */
  constructor(client: Client, pooler: boolean | undefined, onEnd: () => void) {
    this.#client = client;
    this.#pooler = pooler;
    this.#onEnd = onEnd;
    // Without a listener, the end of an idle connection would end the process.
    client.on('error', (error) => this.end(error));
    client.on('end', () => this.end(new Error(messages.connectionClosed())));
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether the session is our own, so that it keeps what we set, and is notified. */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /** @param deadline as for `query` */
  async connect(deadline: number, within: number): Promise<void> {
    await this.#replyTo<unknown>((done) => this.#client.connect(done), deadline, within);
    // A statement that is under way keeps the process alive, by its timer.
    this.#socket.unref();
    await this.#settle(deadline, within);
  }

  /**
   * Runs one statement, or several in one transaction if there are no values.
   *
   * @param deadline on the clock of `performance`
   * @param within the same in milliseconds from when the caller asked, for the message
   */
  async query(
    { name, text }: { readonly name?: string; readonly text: string },
    values: readonly unknown[],
    deadline: number,
    within: number,
  ): Promise<readonly TextRow[]> {
    if (this.#isDirect && deadline - performance.now() > this.#statementTimeout)
      await this.#settle(deadline, within);
    return this.#send({ name: this.#isDirect ? name : undefined, text }, values, deadline, within);
  }

  onNotification(listener: (payload: string) => void): void {
    this.#client.on('notification', ({ payload }: Notification) => listener(payload ?? ''));
  }

  /** Ends it at once, with the statement that is under way. */
  end(reason: Error): void {
    // The server may end it right behind a reply, so that the next statement is sent when it has ended.
    this.#fail?.(reason);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // pg would wait for a server that may never answer.
    this.#socket.destroy();
    this.#onEnd();
  }

  /** Ends it in good order if it is idle. */
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
      this.#client.end(done);
    });
  }

  get #socket(): Socket {
    return (this.#client as unknown as { connection: { stream: Socket } }).connection.stream;
  }

  /**
   * Gives the session what the store depends on, if it is ours: a transaction pooler would give these settings to the
   * sessions of others. A pooler invents the process id that a client is told, so the server's own differs from it.
   */
  async #settle(deadline: number, within: number): Promise<void> {
    if (this.#pooler === true) return;
    this.#statementTimeout = Math.ceil((deadline - performance.now()) / SECOND) * SECOND;
    const { processID } = this.#client as unknown as { processID: number };
    const isOurs = this.#pooler === false ? 'true' : `pg_backend_pid() = ${processID}`;
    const text = sessionSettings(this.#statementTimeout + MARGIN, isOurs);
    this.#isDirect = (await this.#send({ text }, [], deadline, within)).length > 0;
  }

  async #send(
    statement: Partial<Statement> & Pick<Statement, 'text'>,
    values: readonly unknown[],
    deadline: number,
    within: number,
  ): Promise<readonly TextRow[]> {
    const config = { ...statement, values: values as unknown[], types: AS_TEXT };
    const send = (done: (error: Error, result: QueryResult) => void): void =>
      this.#client.query(config, done);
    const result = await this.#replyTo<QueryResult | QueryResult[]>(send, deadline, within);
    return Array.isArray(result) ? [] : (result.rows as TextRow[]);
  }

  #replyTo<R>(
    send: (done: (error: Error | null, reply: R) => void) => void,
    deadline: number,
    within: number,
  ): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const fail = (error: Error): void => {
        clearTimeout(timer);
        this.#fail = undefined;
        reject(error);
      };
      const tooLate = (): void => {
        if (this.#fail === fail) this.end(new Error(messages.noReply(within)));
      };
      // If the event loop was blocked, the reply may wait in the socket. It is read before an immediate runs.
      const timer = setTimeout(() => setImmediate(tooLate), deadline - performance.now());
      this.#fail = fail;
      send((error, reply) => {
        if (this.#fail !== fail) return;
        if (error && isCuredByReconnect(error)) return this.end(error);
        if (error) return fail(error);
        clearTimeout(timer);
        this.#fail = undefined;
        resolve(reply);
      });
    });
  }
}

/** Returns a row for each setting that was made. */
function sessionSettings(statementTimeout: number, condition: string): string {
  const settings = {
    statement_timeout: statementTimeout,
    // 0: the server does not end sessions because they are idle.
    idle_session_timeout: 0,
    // Elsewhere, a statement fails if the row has changed since it began.
    default_transaction_isolation: 'read committed',
    // Planning takes longer than the statements. A plan from when the table was empty would read all of it later.
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    enable_mergejoin: 'off',
    // A lock that was granted must not be forgotten when the server crashes.
    synchronous_commit: 'on',
  };
  const wanted = Object.entries(settings).map(([name, value]) => `('${name}', '${value}')`);
  return `SELECT set_config(name, value, false) FROM (VALUES ${wanted.join(', ')}) AS wanted (name, value)
    JOIN pg_settings USING (name) WHERE ${condition} AND (name <> 'synchronous_commit' OR setting = 'off')`;
}
