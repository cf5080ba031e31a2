import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { messages } from '../../common/messages.js';
import type { QueueGrant } from '../lock-store.js';
import type { PostgresConnection } from './postgres-connection.js';
import { surelyDidNothing } from './postgres-errors.js';
import { channelOf } from './postgres-rows.js';

type OnNews = (grant?: QueueGrant) => void;

/** The parts of the store that the inbox uses. */
export interface InboxParts {
  readonly description: string;
  readonly pooler: boolean | undefined;
  open(within: number, onEnd: () => void): Promise<PostgresConnection>;
  readonly warn: (message: string) => void;
}

/** A session that listens. */
interface Listening {
  readonly process: string;
  readonly connection: PostgresConnection;
}

/** Milliseconds between two questions of the waiters while nothing listens. */
const ASK_EVERY = 100;
/** Milliseconds that the listening session has for a reply. */
const TIMEOUT = 5000;
/** Milliseconds between two checks whether the listening session is alive, while somebody waits. */
const CHECK_EVERY = 4000;
/** Milliseconds before the next attempt to listen. */
const LISTEN_AGAIN = 500;
/** The same, if the server refuses it. */
const REFUSED_FOR = 60_000;

/**
 * Receives the news of grants to the waiters of this process, in a session of its own that is opened when the first call
 * waits. It holds an advisory lock for as long as it lasts, by which those who hand over a lock can tell whether it is
 * there.
 */
export class PostgresInbox {
  readonly #parts: InboxParts;
  readonly #watchers = new Map<string, Set<OnNews>>();
  #listening: Listening | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Whether it tries to listen, or checks. */
  #isBusy = false;
  /** When to try or check again, on the clock of `performance`. */
  #nextAt = -Infinity;
  #hasWarned = false;
  #isClosed = false;

  constructor(parts: InboxParts) {
    this.#parts = parts;
    if (parts.pooler === true) this.#refuseToListen(messages.poolerSaid(), Infinity);
  }

  /** What names this process to others; undefined while it does not listen. */
  get process(): string | undefined {
    return this.#listening?.process;
  }

  /** Calls `onNews` for each grant of the lock to this process, and whenever one may have been missed. */
  watch(key: string, onNews: OnNews): () => void {
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(onNews));
    this.#timer ??= setInterval(() => this.#tick(), ASK_EVERY).unref();
    this.#keepListening();
    return () => {
      watchers.delete(onNews);
      if (watchers.size > 0 || this.#watchers.get(key) !== watchers) return;
      this.#watchers.delete(key);
      if (this.#watchers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#watchers.clear();
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.#keepListening();
    if (!this.#listening) this.#tellAll();
  }

  #keepListening(): void {
    const now = performance.now();
    if (this.#isBusy || this.#isClosed || now < this.#nextAt) return;
    this.#isBusy = true;
    const step = this.#listening ? this.#check(this.#listening) : this.#listen();
    void step.finally(() => (this.#isBusy = false));
  }

  /** Never rejects. */
  async #listen(): Promise<void> {
    this.#nextAt = performance.now() + LISTEN_AGAIN;
    try {
      this.#listening = await this.#opened();
      // From now on, those who ask are notified.
      this.#tellAll();
    } catch (error) {
      // Without an answer of the server, the other connections report the outage.
      if (surelyDidNothing(error)) this.#refuseToListen(messages.listenRefused(error), REFUSED_FOR);
    }
  }

  /** Undefined if nothing can be heard there. */
  async #opened(): Promise<Listening | undefined> {
    const process = BigInt.asUintN(63, randomBytes(8).readBigInt64LE()).toString();
    const connection = await this.#parts.open(TIMEOUT, () => this.#ended(process));
    if (!connection.isDirect) {
      await connection.close();
      this.#refuseToListen(messages.poolerFound(), Infinity);
      return undefined;
    }
    connection.onNotification((news) => this.#tellGrant(news));
    const text = `LISTEN "${channelOf(process)}"; SELECT pg_advisory_lock(${process})`;
    await this.#query(connection, text);
    return { process, connection };
  }

  /** A dead connection that looks open counts as a listener. Never rejects: it is ended then. */
  async #check({ connection }: Listening): Promise<void> {
    this.#nextAt = performance.now() + CHECK_EVERY;
    await this.#query(connection, 'SELECT 1').catch(() => undefined);
  }

  /** Ends the connection if that fails. */
  async #query(connection: PostgresConnection, text: string): Promise<void> {
    try {
      await connection.query({ text }, [], performance.now() + TIMEOUT, TIMEOUT);
    } catch (error) {
      connection.end(error as Error);
      throw error;
    }
  }

  /** Grants may have been missed. Waiters of a process that does not listen are passed over, until they ask again. */
  #ended(process: string): void {
    if (this.#listening?.process !== process) return;
    this.#listening = undefined;
    this.#nextAt = -Infinity;
    this.#tellAll();
  }

  #refuseToListen(why: string, ms: number): void {
    this.#nextAt = performance.now() + ms;
    if (!this.#hasWarned) this.#parts.warn(messages.postgresPolls(this.#parts.description, why));
    this.#hasWarned = true;
  }

  /** Reads what `changeOf` has written. */
  #tellGrant(news: string): void {
    const [fencingToken, keptFor, owner, ...key] = news.split('\n');
    this.#tell(key.join('\n'), { owner, fencingToken: Number(fencingToken), keptFor: Number(keptFor) });
  }

  #tellAll(): void {
    for (const key of this.#watchers.keys()) this.#tell(key);
  }

  #tell(key: string, grant?: QueueGrant): void {
    for (const onNews of this.#watchers.get(key) ?? []) onNews(grant);
  }
}
