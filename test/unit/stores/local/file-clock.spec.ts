import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FileClock } from '../../../../lib/stores/local/file-clock.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

/** The kernel stamps files with its coarse clock. */
const LAG = 20;

afterAll(removeTemporaryFolders);

describe('the clock of the file system', () => {
  it('shows the time of the machine', async () => {
    const clock = new FileClock(await temporaryFolder());

    const [before, shown, after] = [Date.now(), clock.now(), Date.now()];
    clock.close();

    expect(shown).toBeGreaterThan(before - LAG);
    expect(shown).toBeLessThan(after + LAG);
  });

  it('is replaced by the clock of the process if its file cannot be written', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'clock'));
    const clock = new FileClock(folder);

    expect(clock.now()).toBeGreaterThan(Date.now() - LAG);
    clock.close();
  });

  it('does not write through a link', async () => {
    const folder = await temporaryFolder();
    await symlink(join(folder, 'elsewhere'), join(folder, 'clock'));
    const clock = new FileClock(folder);

    expect(Number.isInteger(clock.now())).toBe(true);
    clock.close();
  });
});
