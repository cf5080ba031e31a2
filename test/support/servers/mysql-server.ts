import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { aptInstall } from '../apt.js';
import { onPath } from '../on-path.js';
import { unpackedProgram } from './debian-root.js';
import { ServerProcess } from './server-process.js';

/** MySQL and MariaDB are run alike. */
export type MysqlFlavour = 'mysql' | 'mariadb';

/** The program, its arguments, and where it was installed. */
interface Program {
  readonly command: readonly string[];
  readonly base: string;
}

/** What keeps a server small and quick to start. */
const LEAN = {
  mariadb: ['--innodb-log-file-size=4M'],
  mysql: ['--innodb-redo-log-capacity=16M', '--skip-log-bin', '--mysqlx=OFF', '--secure-file-priv=NULL'],
};
const SYSTEM_TABLES = [
  'mysql_system_tables.sql',
  'mysql_performance_tables.sql',
  'mysql_system_tables_data.sql',
];

const HOW_TO_GET_ONE = {
  mariadb:
    'These tests need a MariaDB: mariadbd on the PATH (apt-get install mariadb-server), or MARIADB_URL.',
  mysql: 'These tests need a MySQL: mysqld on the PATH, or MYSQL_URL.',
};

/** Starts a server with an empty database `test` and a user `root` without a password. */
export async function startMysqlServer(
  flavour: MysqlFlavour,
  args: readonly string[] = [],
): Promise<ServerProcess> {
  const program = await findProgram(flavour);
  const data = await dataOf(flavour, program);
  return ServerProcess.start({
    name: flavour,
    prepare: async (folder) => {
      cpSync(data, join(folder, 'data'), { recursive: true });
      writeFileSync(join(folder, 'init.sql'), 'CREATE DATABASE IF NOT EXISTS test;\n');
    },
    command: ({ port, folder }) => [
      ...commandOf(flavour, program, join(folder, 'data')),
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 'socket')}`,
      `--init-file=${join(folder, 'init.sql')}`,
      ...args,
    ],
    answers: greets,
  });
}

/** The URL of the database `test`. */
export function mysqlUrl({ port }: { readonly port: number }): string {
  return `mysql://root@127.0.0.1:${port}/test`;
}

function commandOf(flavour: MysqlFlavour, { command, base }: Program, data: string): string[] {
  return [
    ...command,
    '--no-defaults',
    `--basedir=${base}`,
    `--datadir=${data}`,
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    '--innodb-buffer-pool-size=16M',
    '--innodb-data-file-path=ibdata1:5M:autoextend',
    '--performance-schema=off',
    // Survives a crash of the server, though not one of the machine.
    '--innodb-flush-log-at-trx-commit=2',
    ...LEAN[flavour],
  ];
}

/** The first data of a server, made once in a run of the tests, since it takes seconds. */
async function dataOf(flavour: MysqlFlavour, program: Program): Promise<string> {
  const folder = process.env.TEST_RUN_FOLDER ?? tmpdir();
  const data = join(folder, `data-of-${flavour}`);
  if (existsSync(data)) return data;
  const made = mkdtempSync(join(folder, 'data-'));
  const command = commandOf(flavour, program, made);
  if (flavour === 'mysql') await run([...command, '--initialize-insecure']);
  else await run([...command, '--bootstrap'], systemTables(program.base));
  try {
    renameSync(made, data);
  } catch {
    // Another test process was faster.
  }
  return data;
}

/** What mariadb-install-db runs. That script needs programs of the client package. */
function systemTables(base: string): string {
  const folder = ['mysql', 'mariadb'].map((name) => join(base, 'share', name)).find(existsSync)!;
  const scripts = SYSTEM_TABLES.map((file) => readFileSync(join(folder, file), 'utf8'));
  return ['CREATE DATABASE mysql;', 'USE mysql;', 'SET @auth_root_socket=NULL;', ...scripts].join('\n');
}

async function run([file, ...args]: readonly string[], input = ''): Promise<void> {
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code}:\n${errors}`);
}

async function findProgram(flavour: MysqlFlavour): Promise<Program> {
  const found = flavour === 'mysql' ? await findMysql() : await findMariadb();
  if (!found) throw new Error(HOW_TO_GET_ONE[flavour]);
  return found;
}

async function findMariadb(): Promise<Program | undefined> {
  const found = installed('mariadbd');
  return found ?? ((await aptInstall('mariadb-server-core')) ? installed('mariadbd') : undefined);
}

/** MariaDB has a program of the same name. Debian has MySQL in its unstable release only. */
async function findMysql(): Promise<Program | undefined> {
  const found = installed('mysqld');
  if (found && basename(realpathSync(found.command[0])) === 'mysqld') return found;
  return unpackedProgram('mysql-server-core', 'usr/sbin/mysqld');
}

/** Debian has servers in a folder that is not on the path of every user. */
function installed(name: string): Program | undefined {
  const path =
    onPath(name) ?? ['/usr/sbin', '/usr/local/sbin'].map((folder) => join(folder, name)).find(existsSync);
  return path === undefined ? undefined : { command: [path], base: dirname(dirname(realpathSync(path))) };
}

/** Whether it greets, as it does when it takes clients. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1000 });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .once('data', end(true))
      .once('timeout', end(false))
      .once('error', end(false))
      .once('end', end(false));
  });
}
