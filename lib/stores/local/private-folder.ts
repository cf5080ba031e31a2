import { linkSync, lstatSync, mkdirSync, readdirSync, unlinkSync, writeFileSync, type Dirent } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { hasCode, ifPossible } from './fs-errors.js';
import { networkFileSystem } from './network-folder.js';

/** Undefined on Windows, where folders below the user's own are private already. */
const uid = process.getuid?.();

/** The names in a folder that must be a file or a folder, if they exist. */
export type Contents = ReadonlyMap<string, 'file' | 'folder'>;

/**
 * Makes sure that no other machine and no other user can read or replace the files in the folder, and that no symbolic
 * link leads out of it. Creates it and the folders of `contents`.
 *
 * @returns the absolute path
 * @throws LockConfigurationError
 */
export function preparePrivateFolder(named: string | undefined, contents: Contents): string {
  const folder = resolve(named ?? defaultFolder());
  refuseOnNetwork(folder);
  create(folder, folder);
  refuseUnlessPrivate(folder);
  refuseForeignIn(folder, readdirSync(folder, { withFileTypes: true }), contents);
  for (const [name, kind] of contents) if (kind === 'folder') create(join(folder, name), folder);
  return folder;
}

/** Processes on two machines cannot see whether the other is alive, and see its files late. */
export function refuseOnNetwork(folder: string, fileSystemOf = networkFileSystem): void {
  const type = fileSystemOf(folder);
  if (type === undefined) return;
  const what = `it is on a file system that several machines can share (${type})`;
  throw refusal(folder, what, 'name a folder on a disk of this machine, or set redis for several machines');
}

/** Accepts a folder that does not exist: the code that needs it reports that. */
export function refuseUnlessPrivate(folder: string): void {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (!stats) return;
  if (!stats.isDirectory()) throw refusal(folder, `it is ${kindOf(stats)}`, 'name a folder of its own');
  if (uid === undefined) return;
  if (stats.uid !== uid) {
    const remedy = `name a folder that belongs to this user (uid ${uid})`;
    throw refusal(folder, `it belongs to another user (uid ${stats.uid})`, remedy);
  }
  if (stats.mode & 0o077) {
    const mode = (stats.mode & 0o7777).toString(8);
    // A sticky folder, such as /tmp, is meant for all users: do not advise to make it private.
    const isCommon = stats.mode & 0o1000;
    const remedy = isCommon ? `name one of its own, such as ${join(folder, 'locks')}` : `chmod 700 ${folder}`;
    throw refusal(folder, `others have access to it (mode ${mode})`, remedy);
  }
}

/** @param draft the path of a file that is created in the folder for a moment */
export function refuseWithoutLinks(folder: string, draft: string, link: typeof linkSync): void {
  const second = `${draft}-2`;
  try {
    writeFileSync(draft, '', { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw refusal(folder, 'it cannot be written to', 'make room in it, or name another', cause);
  }
  try {
    link(draft, second);
  } catch (cause) {
    const remedy = 'name a folder on a local file system with hard links';
    throw refusal(folder, 'its file system makes no hard links', remedy, cause);
  } finally {
    for (const file of [draft, second]) ifPossible(() => unlinkSync(file));
  }
}

function defaultFolder(): string {
  return join(tmpdir(), `nestjs-exclusive-lock-${uid ?? userInfo().username}`);
}

function create(path: string, folder: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    // There is something else of this name: the checks that follow say what.
    if (hasCode(cause, 'EEXIST')) return;
    throw refusal(folder, 'it cannot be created', 'name a folder that this user may write to', cause);
  }
}

/** Refuses symbolic links: other users may have made them while they had access, to make us write elsewhere. */
export function refuseForeignIn(
  folder: string,
  files: readonly Dirent[],
  contents: Contents = new Map(),
): void {
  for (const found of files) {
    const expected = contents.get(found.name);
    const fits = expected === 'file' ? found.isFile() : expected !== 'folder' || found.isDirectory();
    if (fits && !found.isSymbolicLink()) continue;
    const path = join(folder, found.name);
    const what = `${found.name} in it is ${kindOf(found)}`;
    throw refusal(folder, expected ? `${what}, not a ${expected}` : what, `remove ${path}`);
  }
}

function kindOf(found: { isSymbolicLink(): boolean; isDirectory(): boolean }): string {
  if (found.isSymbolicLink()) return 'a symbolic link';
  return found.isDirectory() ? 'a folder' : 'not a folder';
}

/** An error that says what is wrong with the folder, and what to do. */
export function refusal(
  folder: string,
  what: string,
  remedy: string,
  cause?: unknown,
): LockConfigurationError {
  return new LockConfigurationError(messages.folderRefused(folder, what, remedy), { cause });
}
