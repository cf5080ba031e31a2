import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';

/** Undefined on Windows, where folders below the user's own are private already. */
const uid = process.getuid?.();

/**
 * Makes sure that nobody but this user can read or replace the files in the folder: whoever can write to
 * the database can crash every process that maps it.
 * @returns the absolute path
 */
export async function preparePrivateFolder(named: string | undefined): Promise<string> {
  const folder = resolve(named ?? defaultFolder());
  await create(folder);
  await refuseUnlessPrivate(folder);
  return folder;
}

/** A link in place of a file would make lmdb write somewhere else. */
export async function refuseForeignFiles(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const file = join(folder, name);
    const stats = await lstat(file).catch(ignoreMissing);
    if (stats?.isFile() === false) {
      throw refusal(folder, `${name} in it is ${kind(stats)}, not a file`, `remove ${file}`);
    }
  }
}

function defaultFolder(): string {
  return join(tmpdir(), `nestjs-exclusive-lock-${uid ?? userInfo().username}`);
}

async function create(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    // Something else is in its place: the checks that follow say what.
    if (hasCode(cause, 'EEXIST')) return;
    throw refusal(folder, 'it cannot be created', 'name a folder that this user may write to', cause);
  }
}

async function refuseUnlessPrivate(folder: string): Promise<void> {
  const stats = await lstat(folder).catch((cause: unknown) => {
    throw refusal(folder, 'it cannot be read', 'name a folder that this user may write to', cause);
  });
  if (!stats.isDirectory()) throw refusal(folder, `it is ${kind(stats)}`, 'name a folder of its own');
  if (uid === undefined) return;
  if (stats.uid !== uid) {
    const remedy = `name a folder that belongs to this user (uid ${uid})`;
    throw refusal(folder, `it belongs to another user (uid ${stats.uid})`, remedy);
  }
  if (stats.mode & 0o077) {
    const mode = (stats.mode & 0o777).toString(8);
    throw refusal(folder, `others have access to it (mode ${mode})`, `chmod 700 ${folder}`);
  }
}

function kind(stats: { isSymbolicLink(): boolean; isDirectory(): boolean }): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  return stats.isDirectory() ? 'a folder' : 'not a folder';
}

function refusal(folder: string, what: string, remedy: string, cause?: unknown): LockConfigurationError {
  return new LockConfigurationError(messages.folderRefused(folder, what, remedy), { cause });
}

function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error;
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code;
}
