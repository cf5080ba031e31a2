import { hash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EntryFiles } from '../../../../lib/stores/local/entry-files.js';
import type { LocalEntry } from '../../../../lib/stores/local/local-entry.js';
import { newEntry } from '../../../../lib/stores/lock-entry.js';
import { HISTORY, UnknownWriteError, type StoredEntry } from '../../../../lib/stores/local/lock-folder.js';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder.js';

const KEY = 'test:lock';
const onPosix = process.getuid ? it : it.skip;

let folder: string;
let one: EntryFiles;
let two: EntryFiles;

beforeEach(async () => {
  folder = await temporaryFolder();
  one = new EntryFiles(folder);
  two = new EntryFiles(folder);
});
afterAll(removeTemporaryFolders);

describe('an entry', () => {
  it('is read as it was written', () => {
    expect(one.read(KEY)).toBeUndefined();
    expect(one.write(KEY, entry(1), undefined)).toBe(true);
    expect(two.write(KEY, entry(2), two.read(KEY))).toBe(true);

    expect(one.read(KEY)?.entry).toEqual(entry(2));
    expect(one.read('test:other')).toBeUndefined();
  });

  it('is created by one writer only', async () => {
    expect(one.write(KEY, entry(1), undefined)).toBe(true);
    expect(two.write(KEY, entry(2), undefined)).toBe(false);

    expect(await fencingTokens()).toEqual([1]);
  });

  it('is written by only one of the writers that have read it', async () => {
    one.write(KEY, entry(1), undefined);
    const [seen, seenToo] = [one.read(KEY), two.read(KEY)];

    expect(one.write(KEY, entry(2), seen)).toBe(true);
    expect(two.write(KEY, entry(3), seenToo)).toBe(false);

    expect(await fencingTokens()).toEqual([2]);
  });

  it('leaves no other version and no draft behind', () => {
    for (const fencingToken of [1, 2, 3]) one.write(KEY, entry(fencingToken), one.read(KEY));
    two.write(KEY, entry(4), undefined);

    expect(readdirSync(one.read(KEY)!.folder)).toHaveLength(1);
    expect(readdirSync(join(one.root, 'new'))).toEqual([]);
  });

  onPosix('is for the eyes of its user only', () => {
    for (const fencingToken of [1, 2]) one.write(KEY, entry(fencingToken), one.read(KEY));

    const stored = one.read(KEY)!;
    expect(statSync(join(stored.folder, `${stored.version}`)).mode & 0o777).toBe(0o600);
    expect(statSync(stored.folder).mode & 0o777).toBe(0o700);
  });

  it('exists and can be overwritten if its file is empty', async () => {
    one.write(KEY, entry(1), undefined);
    const { folder: lockFolder, version } = one.read(KEY)!;
    writeFileSync(join(lockFolder, `${version}`), '');

    const seen = one.read(KEY);

    expect(seen).toMatchObject({ entry: undefined, version });
    expect(one.write(KEY, entry(2), seen)).toBe(true);
    expect(await fencingTokens()).toEqual([2]);
  });

  it('is not read through a link', () => {
    one.write(KEY, entry(1), undefined);
    const { folder: lockFolder } = one.read(KEY)!;
    symlinkSync('/etc/hostname', join(lockFolder, '9999'));

    expect(() => one.read(KEY)).toThrow('ELOOP');
  });
});

describe('an entry that is removed', () => {
  it('disappears with its folder', () => {
    one.write(KEY, entry(1), undefined);

    two.remove(two.read(KEY)!);

    expect(one.read(KEY)).toBeUndefined();
    expect(existsSync(one.folderOf(KEY))).toBe(false);
  });

  it('stays if it was written meanwhile', async () => {
    one.write(KEY, entry(1), undefined);
    const seen = two.read(KEY)!;
    one.write(KEY, entry(2), one.read(KEY));

    two.remove(seen);

    expect(await fencingTokens()).toEqual([2]);
  });

  it('does not come back in an old version', () => {
    one.write(KEY, entry(10), undefined);
    const seen = one.read(KEY)!;
    writeFileSync(join(seen.folder, '9'), JSON.stringify(entry(9)));

    one.remove(seen);

    expect(one.read(KEY)).toBeUndefined();
  });
});

describe('a writer that was stopped between reading and writing', () => {
  let seen: StoredEntry;

  beforeEach(() => {
    one.write(KEY, entry(1), undefined);
    seen = one.read(KEY)!;
  });

  it.each([
    [1, false],
    [2, false],
    [HISTORY, false],
    [HISTORY + 1, 'unknown'],
  ])('does not write if others have written %i times: %s', async (times, expected) => {
    for (let fencingToken = 2; fencingToken <= times + 1; fencingToken++)
      two.write(KEY, entry(fencingToken), two.read(KEY));

    expect(outcome(() => one.write(KEY, entry(99), seen))).toBe(expected);

    expect(await fencingTokens()).toEqual([times + 1]);
    if (expected === false) expect(readdirSync(seen.folder)).toHaveLength(1);
    two.write(KEY, entry(100), two.read(KEY));
    expect(readdirSync(seen.folder)).toHaveLength(1);
  });

  it('does not write if the entry was removed', async () => {
    two.remove(seen);

    expect(one.write(KEY, entry(99), seen)).toBe(false);
    expect(await fencingTokens()).toEqual([]);
  });

  it('does not write if the entry was removed and created again', async () => {
    two.remove(seen);
    two.write(KEY, entry(50), undefined);

    expect(outcome(() => one.write(KEY, entry(99), seen))).toBe('unknown');
    expect(await fencingTokens()).toEqual([50]);
  });

  it('cannot know whether it has written if the entry was just being removed', () => {
    unlinkSync(join(seen.folder, `${seen.version}`));

    expect(outcome(() => one.write(KEY, entry(99), seen))).toBe('unknown');
  });
});

describe('a writer that was stopped right after writing', () => {
  it.each([
    [1, true],
    [2, true],
    [HISTORY - 1, true],
    [HISTORY, 'unknown'],
  ])('knows whether it has written after others wrote %i times: %s', async (times, expected) => {
    let others: (() => void) | undefined;
    const late = new EntryFiles(folder, (from, to) => {
      linkSync(from, to);
      others?.();
    });
    one.write(KEY, entry(1), undefined);
    others = () => {
      for (let i = 0; i < times; i++) two.write(KEY, entry(10 + i), two.read(KEY));
    };

    expect(outcome(() => late.write(KEY, entry(2), late.read(KEY)))).toBe(expected);
    others = undefined;

    expect(await fencingTokens()).toEqual([9 + times]);
  });
});

describe('the folder of the entries', () => {
  it('is refused if the file system has no hard links', () => {
    expect(() => new EntryFiles(folder, noLinks)).toThrow(
      `cannot use folder = ${folder}: its file system makes no hard links; name a folder on a local file system`,
    );
    expect(readdirSync(join(one.root, 'new'))).toEqual([]);
  });
});

describe('a folder of the layout of another version', () => {
  it('is refused with the remedy, and stays unchanged', async () => {
    const other = await temporaryFolder();
    mkdirSync(join(other, 'layout-0'));

    expect(() => new EntryFiles(other)).toThrow(
      `cannot use folder = ${other}: another version of nestjs-exclusive-lock has its locks in it (layout-0); end ` +
        `the processes that use that version and remove ${join(other, 'layout-0')}, or name another folder.`,
    );
    expect(readdirSync(other)).toEqual(['layout-0']);
  });

  it('is refused when it appears beside ours, whose locks stay', () => {
    one.write(KEY, entry(1), undefined);
    mkdirSync(join(folder, 'layout-99'));

    expect(() => new EntryFiles(folder)).toThrow('(layout-99)');
    expect(one.read(KEY)?.entry).toEqual(entry(1));
  });

  it('is ignored if it is older than layouts', async () => {
    const other = await temporaryFolder();
    mkdirSync(join(other, hash('sha256', KEY)));
    writeFileSync(
      join(other, hash('sha256', KEY), '1'),
      JSON.stringify({ ...entry(1), key: KEY, ids: ['a'] }),
    );

    expect(new EntryFiles(other).read(KEY)).toBeUndefined();
  });
});

describe('the folders of many entries', () => {
  const MANY = 2000;
  beforeEach(() => {
    for (let i = 1; i <= MANY; i++) one.write(`test:${i}`, entry(i), undefined);
  });

  it('are spread over a limited number of folders', async () => {
    const buckets = readdirSync(one.root).filter((name) => name !== 'new');

    expect(buckets.length).toBeLessThanOrEqual(256);
    for (const bucket of buckets) expect(readdirSync(join(one.root, bucket)).length).toBeLessThan(MANY / 20);
    expect((await fencingTokens()).toSorted((a, b) => a! - b!)).toEqual(
      Array.from({ length: MANY }, (_, i) => i + 1),
    );
  });

  it('are listed without blocking the event loop', async () => {
    expect(await turnsDuring(() => one.refuseLinks())).toBeGreaterThan(100);
    expect(await turnsDuring(fencingTokens)).toBeGreaterThan(100);
  });
});

function noLinks(): never {
  throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
}

/** An entry is known by its fencing token here. */
function entry(fencingToken: number): LocalEntry {
  return { ...newEntry(), fencingToken };
}

async function fencingTokens(): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = [];
  for await (const { entry: stored } of one.all()) found.push(stored?.fencingToken);
  return found;
}

function outcome(write: () => boolean): boolean | 'unknown' {
  try {
    return write();
  } catch (error) {
    if (error instanceof UnknownWriteError) return 'unknown';
    throw error;
  }
}

async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let working = true;
  const turn = () => {
    turns++;
    if (working) setImmediate(turn);
  };
  turn();
  await work();
  working = false;
  return turns;
}
