import { performance } from 'node:perf_hooks';
import type { Socket } from 'node:net';
import type { Client, ClientConfig, Notification, QueryResult } from 'pg';
import { messages } from '../../common/messages.js';
import { OwnConnection } from '../sql/own-connection.js';
import { isCuredByReconnect } from './postgres-errors.js';
import type { Statement } from './postgres-statements.js';

/** The class `Client` of pg. */
export type ClientClass = new (config: ClientConfig) => Client;

/** A row of a reply, with all values as text. */
export type TextRow = Readonly<Record<string, string | null>>;

const SECOND = 1000;
/** Milliseconds by which the server ends a statement later than the caller gives it up. */
const MARGIN = 500;
/** The parsers that the user may have registered with pg are not for us. */
const AS_TEXT = { getTypeParser: () => (text: string | Buffer) => String(text) };

/** One connection to the server. */
export class PostgresConnection extends OwnConnection {
  readonly #client: Client;
  readonly #pooler: boolean | undefined;
  #isDirect = false;
  /** Milliseconds after which the server ends a statement. */
  #statementTimeout = 0;

  /** @param pooler whether a transaction pooler is in between; undefined: as it turns out */
  constructor(client: Client, pooler: boolean | undefined, onEnd: () => void) {
    super(onEnd);
    this.#client = client;
    this.#pooler = pooler;
    // Without a listener, the end of an idle connection would end the process.
    client.on('error', (error) => this.end(error));
    client.on('end', () => this.end(new Error(messages.connectionClosed())));
  }

  /** Whether the session is our own, so that it keeps what we set, and is notified. */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /** @param deadline as for `query` */
  async connect(deadline: number, within: number): Promise<void> {
    await this.replyTo<unknown>((done) => this.#client.connect(done), deadline, within);
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

  protected override destroy(): void {
    this.#socket.destroy();
  }

  protected override sayGoodbye(done: () => void): void {
    this.#client.end(done);
  }

  protected override isCuredByReconnect(error: Error): boolean {
    return isCuredByReconnect(error);
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
    const result = await this.replyTo<QueryResult | QueryResult[]>(send, deadline, within);
    return Array.isArray(result) ? [] : (result.rows as TextRow[]);
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
