import { chmod, chown, lstat, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preparePrivateFolder, refuseForeignFiles } from '../../../../lib/stores/local/private-folder.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const onPosix = process.getuid ? it : it.skip;

afterAll(removeTemporaryFolders);

describe('the folder of the local store', () => {
  onPosix('is created for this user only, with its parents', async () => {
    const folder = join(await temporaryFolder(), 'a', 'b');

    await expect(preparePrivateFolder(folder)).resolves.toBe(folder);

    expect((await lstat(folder)).mode & 0o777).toBe(0o700);
  });

  it('is taken as it is when it is private already', async () => {
    const folder = await temporaryFolder();

    await expect(preparePrivateFolder(folder)).resolves.toBe(folder);
  });

  onPosix('is one for each user in the temporary folder by default', async () => {
    await expect(preparePrivateFolder(undefined)).resolves.toContain(
      `nestjs-exclusive-lock-${process.getuid?.()}`,
    );
  });

  it('is refused when it is a symbolic link', async () => {
    const link = join(await temporaryFolder(), 'link');
    await symlink(await temporaryFolder(), link);

    await expect(preparePrivateFolder(link)).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: `The local store cannot use folder = ${link}: it is a symbolic link; name a folder of its own.`,
    });
  });

  it('is refused when it is a file', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');

    await expect(preparePrivateFolder(file)).rejects.toThrow(`folder = ${file}: it is not a folder`);
  });

  onPosix.each(['750', '701', '777'])('is refused when others have access to it: mode %s', async (mode) => {
    const folder = await temporaryFolder();
    await chmod(folder, parseInt(mode, 8));

    await expect(preparePrivateFolder(folder)).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(`folder = ${folder}: others have access .*; chmod 700 ${folder}`),
    });
  });

  onPosix('is refused when it belongs to another user', async () => {
    const folder = await folderOfAnotherUser();

    await expect(preparePrivateFolder(folder)).rejects.toThrow(/it belongs to another user \(uid \d+\)/);
  });

  it('is refused with the cause when it cannot be created', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');

    await expect(preparePrivateFolder(join(file, 'below'))).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('it cannot be created'),
      cause: expect.objectContaining({ code: 'ENOTDIR' }),
    });
  });

  it('is refused when a file of the database in it is a link or a folder', async () => {
    const folder = await temporaryFolder();
    await symlink('/etc/hostname', join(folder, 'a'));
    await mkdir(join(folder, 'b'));

    await expect(refuseForeignFiles(folder, ['missing', 'a'])).rejects.toThrow('a in it is a symbolic link');
    await expect(refuseForeignFiles(folder, ['b'])).rejects.toThrow(`remove ${join(folder, 'b')}`);
  });
});

async function folderOfAnotherUser(): Promise<string> {
  if (process.getuid?.() !== 0) return '/';
  const folder = await temporaryFolder();
  await chown(folder, 65534, 65534);
  return folder;
}
