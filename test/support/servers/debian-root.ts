import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from '../on-path.js';

const run = promisify(execFile);
const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'usr/lib'];

/** How a program is started that is not installed. */
export interface UnpackedProgram {
  readonly command: readonly string[];
  /** What would be `/usr`. */
  readonly base: string;
}

/**
 * Unpacks a package of Debian's unstable release with all that it needs, changing nothing of the system, and keeps it for
 * other runs of the tests. Undefined where that cannot be done.
 *
 * @param program its path below `/`
 */
export async function unpackedProgram(name: string, program: string): Promise<UnpackedProgram | undefined> {
  if (!onPath('apt-get') || !existsSync('/usr/share/keyrings/debian-archive-keyring.gpg')) return undefined;
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'nestjs-exclusive-lock-tests');
  const root = join(cache, name);
  if (!existsSync(root)) await unpack(name, cache, root);
  const libraries = LIBRARIES.map((folder) => join(root, folder)).filter(existsSync);
  const loader = libraries
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .find((file) => /\/ld-linux-[^/]+\.so\.\d$/.test(file))!;
  // Its own, since the libraries of the system are older.
  return {
    command: [loader, '--library-path', libraries.join(':'), join(root, program)],
    base: join(root, 'usr'),
  };
}

async function unpack(name: string, cache: string, root: string): Promise<void> {
  process.stderr.write(
    `Unpacking the package ${name} of Debian's unstable release, which the tests need, to ${cache}.\n`,
  );
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'apt-'));
  try {
    const archives = join(folder, 'cache/archives');
    for (const needed of ['state/lists/partial', 'cache/archives/partial', 'root'])
      mkdirSync(join(folder, needed), { recursive: true });
    const sources = join(folder, 'sources.list');
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    writeFileSync(sources, `deb [signed-by=${keyring}] http://deb.debian.org/debian unstable main\n`);
    writeFileSync(join(folder, 'status'), '');
    const options = {
      'Dir::State': join(folder, 'state'),
      'Dir::State::status': join(folder, 'status'),
      'Dir::Cache': join(folder, 'cache'),
      'Dir::Etc::sourcelist': sources,
      'Dir::Etc::sourceparts': '-',
      'APT::Install-Recommends': 'false',
      'APT::Sandbox::User': 'root',
    };
    const own = Object.entries(options).flatMap(([option, value]) => ['-o', `${option}=${value}`]);
    await run('apt-get', [...own, '-qq', 'update']);
    await run('apt-get', [...own, '-qq', '-y', '--download-only', 'install', name]);
    for (const file of readdirSync(archives).filter((one) => one.endsWith('.deb')))
      await run('sh', [
        '-c',
        'dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink -C "$1"',
        join(archives, file),
        join(folder, 'root'),
      ]);
    renameSync(join(folder, 'root'), root);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
