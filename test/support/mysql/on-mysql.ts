import { randomBytes } from 'node:crypto';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import type { MysqlStoreOptions } from '../../../lib/stores/mysql/index.js';
import { ServerProcess } from '../servers/server-process.js';
import type { MysqlFlavour } from '../servers/mysql-server.js';
import { TcpProxy } from '../tcp-proxy.js';
import { MYSQL_SERVERS, TestDatabase } from './test-database.js';

/** What the test that runs has: a database of its own, and what it opens, which is closed after it. */
export class MysqlOfTest {
  database!: TestDatabase;
  /** What the stores have logged. */
  lines: string[] = [];
  readonly #stores: LockStore[] = [];
  readonly #users: string[] = [];

  constructor(readonly flavour: MysqlFlavour) {}

  async open(options: MysqlStoreOptions = {}): Promise<LockStore> {
    const store = await this.database.open(options, { lines: this.lines });
    this.#stores.push(store);
    return store;
  }

  /** A store whose connections go through a proxy. */
  async openProxied(): Promise<[LockStore, TcpProxy]> {
    const proxy = await TcpProxy.start(this.database.port);
    return [await this.open({ uri: this.database.urlFor({ port: proxy.port }) }), proxy];
  }

  /** Makes a user that may do nothing. */
  async makeUser(): Promise<string> {
    const user = `user_${randomBytes(6).toString('hex')}`;
    await this.database.query(`CREATE USER ${user}`);
    this.#users.push(user);
    return user;
  }

  async begin(): Promise<void> {
    this.database = await TestDatabase.create(this.flavour);
    this.lines = [];
  }

  async end(): Promise<void> {
    await Promise.all(this.#stores.splice(0).map((store) => store.close()));
    await TcpProxy.closeAll();
    await ServerProcess.closeAll();
    for (const user of this.#users.splice(0)) await this.database.query(`DROP USER ${user}`);
    await this.database.drop();
  }
}

/** Tests that run once on each server of the MySQL family that is tested now. */
export function describeOnMysql(title: string, declare: (on: MysqlOfTest) => void): void {
  describe.each(MYSQL_SERVERS)(`${title} (%s)`, (_, flavour) => {
    const on = new MysqlOfTest(flavour);
    beforeEach(() => on.begin());
    afterEach(() => on.end());
    declare(on);
  });
}
