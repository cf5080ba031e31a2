import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';

/** Where the fields of LMDB's first page are (format 2, 64 bit, little endian). */
const MAGIC = { at: 24, value: 0xbeefc0de };
const VERSION = { at: 28, value: 2 };
const PAGE_SIZE_AT = 48;
const ROOTS_AT = [88, 136];
const HEADER_SIZE = 168;
const NO_ROOT = 0xffff_ffff_ffff_ffffn;

const KNOWN_LAYOUT = process.arch === 'x64' || process.arch === 'arm64';
const ATTEMPTS = 10;

/** Refuses a file that lmdb 3.5 would not refuse but crash on, with the whole process. */
export async function refuseDamagedDatabase(file: string): Promise<void> {
  if (!KNOWN_LAYOUT) return;
  for (let attempt = 1; ; attempt++) {
    const damage = await findDamage(file);
    if (!damage) return;
    if (attempt === ATTEMPTS) {
      throw new LockConfigurationError(messages.databaseDamaged(file, damage));
    }
    // Another process may be writing its first page at this moment.
    await sleep(20);
  }
}

async function findDamage(file: string): Promise<string | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return undefined;
  try {
    return await examine(handle);
  } finally {
    await handle.close();
  }
}

async function examine(handle: FileHandle): Promise<string | undefined> {
  const { size } = await handle.stat();
  if (size === 0) return undefined;
  const header = Buffer.alloc(HEADER_SIZE);
  const { bytesRead } = await handle.read(header, 0, HEADER_SIZE, 0);
  if (bytesRead < HEADER_SIZE || header.readUInt32LE(MAGIC.at) !== MAGIC.value)
    return 'it is no LMDB database';
  const version = header.readUInt16LE(VERSION.at);
  if (version !== VERSION.value) return `it has LMDB format ${version}, not ${VERSION.value}`;

  const pages = BigInt(Math.floor(size / header.readUInt32LE(PAGE_SIZE_AT)));
  const roots = ROOTS_AT.map((at) => header.readBigUInt64LE(at));
  return roots.some((root) => root !== NO_ROOT && root >= pages) ? 'it has been cut short' : undefined;
}
