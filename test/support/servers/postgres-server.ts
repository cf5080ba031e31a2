import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, realpathSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { aptInstall } from '../apt.js';
import { onPath } from '../on-path.js';
import { ServerProcess } from './server-process.js';

const run = promisify(execFile);

export interface PostgresServerOptions {
  /** Whether what was committed survives a crash of the machine. `kill()` loses nothing. @default false: faster */
  readonly durable?: boolean;
  /** More settings, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const HOW_TO_GET_ONE =
  'These tests need a PostgreSQL: postgres on the PATH (apt-get install postgresql, brew install postgresql), or POSTGRES_URL.';

/** What keeps a server small. */
const LEAN = { shared_buffers: '16MB', unix_socket_directories: '', listen_addresses: '127.0.0.1' };
const QUICK = { fsync: 'off', full_page_writes: 'off' };
const USER = 'test';
/** The user `nobody`. */
const NOBODY = '65534';
/** Version 3 of the protocol. */
const START = Buffer.from(`\0\x03\0\0user\0${USER}\0database\0postgres\0\0`);
const AUTHENTICATION = 'R'.charCodeAt(0);

/** Starts a server with a user `test`, who may do anything and needs no password. */
export async function startPostgresServer({
  durable = false,
  settings = {},
}: PostgresServerOptions = {}): Promise<ServerProcess> {
  const postgres = await findPostgres();
  const told = Object.entries({ ...LEAN, ...(durable ? {} : QUICK), ...settings });
  return ServerProcess.start({
    name: 'PostgreSQL',
    prepare: (folder) => putData(postgres, folder),
    command: ({ port, folder }) => [
      ...asNobody(postgres),
      '-D',
      join(folder, 'data'),
      '-p',
      String(port),
      ...told.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    answers: letsIn,
    // SIGTERM would wait until its clients have gone.
    stopSignal: 'SIGINT',
  });
}

/** The URL of the database `postgres`. */
export function postgresUrl({ port }: { readonly port: number }): string {
  return `postgres://${USER}@127.0.0.1:${port}/postgres`;
}

/** The path of postgres. Installs Debian's where that can be done unasked. */
async function findPostgres(): Promise<string> {
  const found = installed() ?? ((await aptInstall('postgresql')) ? installed() : undefined);
  if (!found) throw new Error(HOW_TO_GET_ONE);
  return found;
}

/** Debian has servers in a folder for each version, which is on nobody's path. */
function installed(): string | undefined {
  const path = onPath('postgres');
  if (path !== undefined) return realpathSync(path);
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return undefined;
  const newest = readdirSync(versions).toSorted((a, b) => Number(b) - Number(a));
  return newest.map((version) => join(versions, version, 'bin/postgres')).find(existsSync);
}

/** The first data of a server is made once in a run of the tests, since it takes seconds. */
async function putData(postgres: string, folder: string): Promise<void> {
  const data = join(folder, 'data');
  const shared = process.env.TEST_RUN_FOLDER;
  if (shared === undefined) return makeData(postgres, data);
  const first = join(shared, 'data-of-postgres');
  if (!existsSync(first)) await makeFirst(postgres, shared, first);
  cpSync(first, data, { recursive: true });
  await giveToNobody(data);
}

async function makeFirst(postgres: string, shared: string, first: string): Promise<void> {
  const folder = mkdtempSync(join(shared, 'initdb-'));
  const made = join(folder, 'data');
  await makeData(postgres, made);
  try {
    renameSync(made, first);
  } catch {
    // Another test process was faster.
  }
}

async function makeData(postgres: string, data: string): Promise<void> {
  await run('mkdir', [data]);
  await giveToNobody(data);
  const [file, ...args] = asNobody(join(dirname(postgres), 'initdb'));
  const as = ['-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'];
  await run(file, [...args, ...as, '-D', data], { cwd: '/' });
}

/** PostgreSQL refuses to run as root. */
function asNobody(program: string): string[] {
  if (!isRoot()) return [program];
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', program];
}

async function giveToNobody(data: string): Promise<void> {
  chmodSync(data, 0o700);
  if (!isRoot()) return;
  // It must get there.
  chmodSync(dirname(data), 0o711);
  await run('chown', ['-R', `${NOBODY}:${NOBODY}`, data]);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether it lets a client in. While it starts, it answers with an error. */
function letsIn(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    const length = Buffer.alloc(4);
    length.writeInt32BE(START.length + length.length);
    socket.once('connect', () => socket.write(Buffer.concat([length, START])));
    socket.once('data', ([type]: Buffer) => end(type === AUTHENTICATION));
    for (const event of ['timeout', 'error', 'end']) socket.once(event, () => end(false));
  });
}
