import { mysqlUrl, startMysqlServer, type MysqlFlavour } from './mysql-server.js';

/** The one server that all test files share; each makes databases of its own, as root. */
export interface SharedMysql {
  readonly url: string;
  stop(): Promise<void>;
}

/** The one that MARIADB_URL or MYSQL_URL names, else one of this machine. */
export async function startSharedMysql(flavour: MysqlFlavour): Promise<SharedMysql> {
  const told = flavour === 'mysql' ? process.env.MYSQL_URL : process.env.MARIADB_URL;
  if (told) return { url: told, stop: async () => undefined };
  const server = await startMysqlServer(flavour);
  return { url: mysqlUrl(server), stop: () => server.close() };
}
