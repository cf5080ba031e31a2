import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networkFileSystem, type FolderFacts } from '../../../../lib/stores/local/network-folder.js';
import { preparePrivateFolder, refuseOnNetwork } from '../../../../lib/stores/local/private-folder.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const FUSE = 0x65735546;

afterAll(removeTemporaryFolders);

function throwError(message: string): never {
  throw new Error(message);
}

describe('a folder for locks', () => {
  it('is refused on a file system that other machines may share, with the remedy', () => {
    expect(() => refuseOnNetwork('/mnt/shared', () => 'nfs')).toThrow(
      'The local store cannot use folder = /mnt/shared: it is on a file system that several machines can share (nfs); ' +
        'name a folder on a disk of this machine, or set redis for several machines.',
    );
  });

  it.each([
    [0x6969, 'nfs'],
    [0x517b, 'smb'],
    [0xff534d42, 'cifs'],
    [0xff534d42 | 0, 'cifs'],
    [0xfe534d42, 'smb3'],
    [0x01021997, '9p'],
    [0x00c36400, 'ceph'],
    [0x0bd00bd0, 'lustre'],
    [0x5346414f, 'afs'],
    [0x01161970, 'gfs2'],
    [0x7461636f, 'ocfs2'],
  ])('is recognised as shared by the number of its file system: %i is %s', (type, name) => {
    expect(networkFileSystem('/tmp', facts({ type: () => type }))).toBe(name);
  });

  it.each([
    ['fuse.sshfs', 'fuse.sshfs'],
    ['fuse.gcsfuse', 'fuse.gcsfuse'],
    ['virtiofs', 'virtiofs'],
    [undefined, 'fuse'],
    ['fuseblk', undefined],
    ['fuse.fuse-overlayfs', undefined],
  ])('is recognised by the name of its file system with FUSE: %s', (name, expected) => {
    expect(networkFileSystem('/tmp', facts({ type: () => FUSE, mountType: () => name }))).toBe(expected);
  });

  it.each([
    ['ext4', 0xef53],
    ['xfs', 0x58465342],
    ['btrfs', 0x9123683e],
    ['zfs', 0x2fc12fc1],
    ['tmpfs', 0x01021994],
    ['overlay', 0x794c7630],
  ])('is accepted on a disk of this machine: %s', (_, type) => {
    expect(networkFileSystem('/tmp', facts({ type: () => type }))).toBeUndefined();
  });

  it.each([
    ['\\\\server\\share\\locks', 'a share'],
    ['\\\\?\\UNC\\server\\share\\locks', 'a share'],
    ['C:\\locks', undefined],
    ['\\\\?\\C:\\locks', undefined],
    ['\\\\.\\C:\\locks', undefined],
  ])('is refused on a share of Windows, even with a drive letter: %s', (path, expected) => {
    expect(networkFileSystem('/tmp', facts({ platform: 'win32', realPath: () => path }))).toBe(expected);
  });

  it('is judged by the part of its path that exists', () => {
    const asked: string[] = [];
    const type = (folder: string) => asked.push(folder);

    networkFileSystem(join(tmpdir(), 'not there', 'nor there'), facts({ type }));

    expect(asked).toEqual([tmpdir()]);
  });

  it('is accepted if the system does not tell', () => {
    const unknown = facts({ type: () => throwError('ENOSYS') });

    expect(networkFileSystem('/tmp', unknown)).toBeUndefined();
    expect(networkFileSystem('/tmp', facts({ platform: 'darwin', type: () => 0x6969 }))).toBeUndefined();
  });

  it('is accepted for the tests of the store', async () => {
    expect(networkFileSystem(await temporaryFolder())).toBeUndefined();
  });

  it('is refused if it is mounted with FUSE', async () => {
    const folder = await temporaryFolder();
    if (!mountByFuse(await temporaryFolder(), folder)) return;
    try {
      expect(() => preparePrivateFolder(join(folder, 'locks'), new Map())).toThrow(
        `cannot use folder = ${join(folder, 'locks')}: it is on a file system that several machines can share (fuse`,
      );
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      execFileSync('fusermount', ['-u', folder]);
    }
  });
});

/** Where bindfs is installed, and may be used. */
function mountByFuse(source: string, folder: string): boolean {
  try {
    execFileSync('bindfs', [source, folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function facts(given: Partial<FolderFacts>): FolderFacts {
  return {
    platform: 'linux',
    type: () => 0xef53,
    mountType: () => undefined,
    realPath: (folder) => folder,
    ...given,
  };
}
