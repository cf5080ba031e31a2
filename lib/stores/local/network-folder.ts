import { existsSync, readFileSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Facts about a folder that the system provides. Tests replace them. */
export interface FolderFacts {
  readonly platform: NodeJS.Platform;
  /** The type of its file system, a number of statfs(2). */
  readonly type: (folder: string) => number;
  /** The name of that type, as mount(8) shows it; undefined if the system does not tell. */
  readonly mountType: (folder: string) => string | undefined;
  /** Its path without links; on Windows, the share if the drive is a mapped one. */
  readonly realPath: (folder: string) => string;
}

/**
 * File systems that several machines can mount, including clusters and the shares of a VM's host, by their numbers in
 * Linux.
 */
const SHARED_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb3'],
  [0x01021997, '9p'],
  [0x00c36400, 'ceph'],
  [0x0bd00bd0, 'lustre'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'afs'],
  [0x73757245, 'coda'],
  [0x564c, 'ncpfs'],
  [0x47504653, 'gpfs'],
  [0x19830326, 'beegfs'],
  [0x20030528, 'orangefs'],
  [0xaad7aaea, 'panfs'],
  [0x01161970, 'gfs2'],
  [0x7461636f, 'ocfs2'],
  [0x786f4256, 'vboxsf'],
  [0xbacbacbc, 'vmhgfs'],
]);
const FUSE = 0x65735546;
/** Most file systems with FUSE are on other machines. These are on a disk of this one. */
const LOCAL_FUSE: ReadonlySet<string | undefined> = new Set(['fuseblk', 'fuse.fuse-overlayfs']);

const SYSTEM: FolderFacts = {
  platform: process.platform,
  type: (folder) => statfsSync(folder).type,
  mountType,
  realPath: realpathSync.native,
};

/**
 * The type of the file system of a folder, which need not exist yet, if other machines may use it as well; undefined if
 * not, or if the system does not tell.
 */
export function networkFileSystem(folder: string, facts: FolderFacts = SYSTEM): string | undefined {
  try {
    return sharedTypeOf(nearestExisting(folder), facts);
  } catch {
    return undefined;
  }
}

function sharedTypeOf(folder: string, facts: FolderFacts): string | undefined {
  if (facts.platform === 'win32')
    return /^\\\\(?![?.]\\(?!UNC\\))/i.test(facts.realPath(folder)) ? 'a share' : undefined;
  // Other systems number their file systems in the order in which they load the drivers.
  if (facts.platform !== 'linux') return undefined;
  // A number of 32 bits, which is negative on some systems.
  const type = facts.type(folder) >>> 0;
  if (type !== FUSE) return SHARED_TYPES.get(type);
  const name = facts.mountType(folder);
  return LOCAL_FUSE.has(name) ? undefined : (name ?? 'fuse');
}

/**
 * Reads /proc/self/mountinfo. Its lines are `id parent major:minor root mount-point options… - type source options`.
 */
function mountType(folder: string): string | undefined {
  const device = deviceOf(folder);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const mount = mounts.find((line) => line.split(' ', 3)[2] === device);
  return mount?.split(' - ')[1]?.split(' ')[0];
}

/** The device of a folder as `major:minor`, unpacked like `makedev` of glibc packs it. */
function deviceOf(folder: string): string {
  const device = statSync(folder, { bigint: true }).dev;
  const major = ((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn);
  const minor = ((device >> 12n) & 0xffffff00n) | (device & 0xffn);
  return `${major}:${minor}`;
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
