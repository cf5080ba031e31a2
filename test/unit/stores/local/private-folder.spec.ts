import { chmod, chown, lstat, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preparePrivateFolder, type Contents } from '../../../../lib/stores/local/private-folder.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const onPosix = process.getuid ? it : it.skip;

const CONTENTS: Contents = new Map([
  ['file', 'file'],
  ['folder', 'folder'],
]);

afterAll(removeTemporaryFolders);

describe('the folder of the local store', () => {
  onPosix('is created for this user only, with its parents and contents', async () => {
    const folder = join(await temporaryFolder(), 'a', 'b');

    expect(prepare(folder)).toBe(folder);

    for (const path of [folder, join(folder, 'folder')]) {
      expect((await lstat(path)).mode & 0o777).toBe(0o700);
    }
  });

  it('is used as it is if it is private already', async () => {
    const folder = await temporaryFolder();

    expect(prepare(folder)).toBe(folder);
  });

  onPosix('is one for each user in the temporary folder by default', () => {
    expect(prepare(undefined)).toContain(`nestjs-exclusive-lock-${process.getuid?.()}`);
  });

  it('is refused if it is a symbolic link', async () => {
    const link = join(await temporaryFolder(), 'link');
    await symlink(await temporaryFolder(), link);

    expect(refusalOf(link)).toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: `The local store cannot use folder = ${link}: it is a symbolic link; name a folder of its own.`,
    });
  });

  it('is refused if it is a file', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');

    expect(() => prepare(file)).toThrow(`folder = ${file}: it is not a folder`);
  });

  onPosix.each(['750', '701', '777'])('is refused when others have access to it: mode %s', async (mode) => {
    const folder = await temporaryFolder();
    await chmod(folder, parseInt(mode, 8));

    expect(refusalOf(folder)).toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(`folder = ${folder}: others have access .*; chmod 700 ${folder}`),
    });
  });

  onPosix('is refused, and not to be taken from the others, where it is meant for all', async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o1777);

    expect(refusalOf(folder)).toMatchObject({
      message: expect.stringMatching(
        `have access to it \\(mode 1777\\); name one of its own, such as ${folder}/locks`,
      ),
    });
  });

  onPosix('is refused when it belongs to another user', async () => {
    const folder = await folderOfAnotherUser();

    expect(() => prepare(folder)).toThrow(/it belongs to another user \(uid \d+\)/);
  });

  it('is refused with the cause if it cannot be created', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');

    expect(refusalOf(join(file, 'below'))).toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('it cannot be created'),
      cause: expect.objectContaining({ code: 'ENOTDIR' }),
    });
  });

  it.each(['file', 'folder', 'anything else'])('is refused if there is a link in it: %s', async (name) => {
    const folder = await temporaryFolder();
    await symlink('/etc', join(folder, name));

    expect(() => prepare(folder)).toThrow(`${name} in it is a symbolic link`);
  });

  it('is refused if one of its files or folders is something else', async () => {
    const [one, two] = [await temporaryFolder(), await temporaryFolder()];
    await mkdir(join(one, 'file'));
    await writeFile(join(two, 'folder'), '');

    expect(() => prepare(one)).toThrow(`file in it is a folder, not a file; remove ${join(one, 'file')}`);
    expect(() => prepare(two)).toThrow('folder in it is not a folder');
  });

  it('may contain other files, which stay unchanged', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'locks.mdb'), '');

    expect(prepare(folder)).toBe(folder);
  });
});

function prepare(folder: string | undefined): string {
  return preparePrivateFolder(folder, CONTENTS);
}

function refusalOf(folder: string): unknown {
  try {
    return prepare(folder);
  } catch (error) {
    return error;
  }
}

async function folderOfAnotherUser(): Promise<string> {
  if (process.getuid?.() !== 0) return '/';
  const folder = await temporaryFolder();
  await chown(folder, 65534, 65534);
  return folder;
}
