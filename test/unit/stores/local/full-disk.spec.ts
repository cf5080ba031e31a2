import { execFileSync } from 'node:child_process';
import { readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalLockStore } from '../../../../lib/stores/local/local-lock-store.js';
import { ended } from '../../../../lib/testing/store-contract/subject.js';
import { canContain } from './support/containers.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const WITHIN = 5000;
const ours = { name: 'lock', owner: 'ours', holder: '{}', ttl: 600_000 };
const REFUSAL = { code: 'LOCK_STORE', mayHaveRun: false, message: expect.stringContaining('ENOSPC') };

let disk: string;
afterAll(removeTemporaryFolders);

// Those who may make namespaces may mount, too.
(canContain ? describe : describe.skip)('a local store on a full disk', () => {
  beforeEach(async () => {
    disk = await temporaryFolder();
  });
  afterEach(() => execFileSync('umount', ['--lazy', disk]));

  it.each([
    ['without room', 'size=200k', () => fill(Buffer.alloc(4096))],
    ['without room for another file', 'nr_inodes=60', () => fill('')],
  ])(
    'rejects changes as certainly not done, still shows held locks, and continues: %s',
    async (_, size, makeFull) => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk]);
      const store = await LocalLockStore.open({ folder: join(disk, 'locks'), prefix: 'test' });
      await store.acquire(ours, WITHIN);
      makeFull();

      await expect(store.renew([ours], WITHIN)).rejects.toMatchObject(REFUSAL);
      await expect(store.release(ended(ours), WITHIN)).rejects.toMatchObject(REFUSAL);
      await expect(store.acquire({ ...ours, name: 'another' }, WITHIN)).rejects.toMatchObject(REFUSAL);
      await expect(store.acquire({ ...ours, owner: 'x' }, WITHIN)).resolves.toMatchObject({
        status: 'busy',
      });
      await expect(store.inspect('lock', WITHIN)).resolves.toMatchObject({ owner: 'ours' });

      makeRoom();
      await expect(store.renew([ours], WITHIN)).resolves.toEqual(['held']);
      await expect(store.release(ended(ours), WITHIN)).resolves.toBe('held');
      await store.close();
    },
  );
});

function fill(content: Buffer | ''): void {
  try {
    for (let i = 0; ; i++) writeFileSync(join(disk, `filler ${i}`), content);
  } catch {
    // It is full.
  }
}

function makeRoom(): void {
  for (const name of readdirSync(disk)) if (name.startsWith('filler')) unlinkSync(join(disk, name));
}
