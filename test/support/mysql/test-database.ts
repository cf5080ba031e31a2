import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { OutageLog } from '../../../lib/common/outage-log.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import { mysqlStore, type MysqlStoreOptions } from '../../../lib/stores/mysql/index.js';
import { uniquePrefix } from '../redis/test-redis.js';
import type { MysqlFlavour } from '../servers/mysql-server.js';
import { TESTED_STORES } from '../tested-stores.mjs';

const NAMES: readonly (readonly [name: string, flavour: MysqlFlavour])[] = [
  ['MariaDB', 'mariadb'],
  ['MySQL', 'mysql'],
];

/** The servers that tests run on, for `describe.each`. */
export const MYSQL_SERVERS = NAMES.filter(([, flavour]) => TESTED_STORES.includes(flavour));

/** The URL of the server that all test files share, as its root. */
export function testMysqlUrl(flavour: MysqlFlavour): string {
  const variable = flavour === 'mysql' ? 'TEST_MYSQL_URL' : 'TEST_MARIADB_URL';
  const url = process.env[variable];
  if (!url) throw new Error(`No ${variable}: only the projects integration, e2e and faults start a server.`);
  return url;
}

/** A database of a test's own. */
export class TestDatabase {
  /** On the shared server, or on another. */
  static async create(server: MysqlFlavour | { readonly url: string }): Promise<TestDatabase> {
    const url = new URL(typeof server === 'string' ? testMysqlUrl(server) : server.url);
    const name = uniquePrefix().replace('-', '_');
    const connection = await createConnection(url.href);
    await connection.query(`CREATE DATABASE ${name}`);
    await connection.query(`USE ${name}`);
    url.pathname = name;
    return new TestDatabase(connection, name, url);
  }

  private constructor(
    readonly connection: Connection,
    readonly name: string,
    private readonly url: URL,
  ) {}

  get port(): number {
    return Number(this.url.port);
  }

  /** Its URL, for another user or through a proxy on another port. */
  urlFor({ user = this.url.username, port = this.port }: { user?: string; port?: number } = {}): string {
    const url = new URL(this.url);
    if (user !== url.username) Object.assign(url, { username: user, password: '' });
    url.port = String(port);
    return url.href;
  }

  /** Opens a store on it, as the application does. What it logs is noted in `lines`. */
  open(
    options: MysqlStoreOptions = {},
    { prefix = 'ours', lines = [] as string[] } = {},
  ): Promise<LockStore> {
    const note = (line: string): void => void lines.push(line);
    const logger = { debug: note, log: note, warn: note, error: note };
    const place = options.pool ? {} : { uri: this.urlFor() };
    const outages = new OutageLog(logger);
    return mysqlStore({ ...place, ...options }).open({ prefix, logger, outages, env: {} });
  }

  async query<T = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    const [rows] = await this.connection.query<RowDataPacket[]>(sql, [...values]);
    return rows as T[];
  }

  /** Drops it. */
  async drop(): Promise<void> {
    await this.connection.query(`DROP DATABASE ${this.name}`);
    await this.connection.end();
  }
}
