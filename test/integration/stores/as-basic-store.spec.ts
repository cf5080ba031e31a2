import { jest } from '@jest/globals';
import { asBasicStore } from '../../../lib/stores/basic/as-basic-store.js';
import { basicStore } from '../../../lib/stores/basic/basic-store.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import type { BasicAcquireResult, BasicLockStore } from '../../../lib/stores/basic/basic-lock-store.js';

const TTL = 1000;

describe('a store with the three methods of @nestjs/locks', () => {
  let passed: number;
  let memory: MemoryLockStore;
  let store: BasicLockStore;
  beforeEach(() => {
    passed = 0;
    memory = new MemoryLockStore({ now: () => passed });
    store = asBasicStore(memory);
  });

  it('gives a key to one owner, once', async () => {
    await taken('a');
    await expect(store.acquire('key', 'b', TTL)).resolves.toEqual({ acquired: false });
    await expect(store.acquire('key', 'a', TTL)).resolves.toEqual({ acquired: false });
  });

  it('frees it for its owner only, and gives the next a higher token', async () => {
    const first = await taken('a');
    await expect(store.release('key', 'b')).resolves.toBe(false);
    await expect(store.release('key', 'a')).resolves.toBe(true);
    await expect(store.release('key', 'a')).resolves.toBe(false);
    expect(await taken('b')).toBeGreaterThan(first);
  });

  it('gives it to the same owner again when it was freed, or has expired', async () => {
    const first = await taken('a');
    await store.release('key', 'a');
    const second = await taken('a');
    passed += TTL;
    expect([first, second, await taken('a')].toSorted((a, b) => a - b)).toEqual([
      first,
      second,
      expect.any(Number),
    ]);
  });

  it('renews it for its owner only, while that has it', async () => {
    await taken('a');
    passed += TTL - 1;
    await expect(store.renew('key', 'a', TTL)).resolves.toBe(true);
    await expect(store.renew('key', 'b', TTL)).resolves.toBe(false);
    passed += TTL - 1;
    await expect(store.acquire('key', 'b', TTL)).resolves.toEqual({ acquired: false });
    passed += 1;
    await expect(store.renew('key', 'a', TTL)).resolves.toBe(false);
    await taken('b');
  });

  it('gives a key to one of many that ask at once', async () => {
    const owners = Array.from({ length: 16 }, (_, i) => `owner-${i}`);
    const results = await Promise.all(owners.map((owner) => store.acquire('key', owner, TTL)));
    expect(results.filter(({ acquired }) => acquired)).toHaveLength(1);
  });

  it('keeps keys apart, however long they and their owners are', async () => {
    const long = 'ü'.repeat(499);
    for (const key of ['k', 'K', 'k ', '__proto__', `${long}x`, `${long}y`])
      await expect(store.acquire(key, 'f3b6c2a0-6f0e-4c62-9a44-2f7f3f6d6c11', TTL)).resolves.toMatchObject({
        acquired: true,
      });
    await expect(store.release(`${long}x`, 'f3b6c2a0-6f0e-4c62-9a44-2f7f3f6d6c11')).resolves.toBe(true);
    await expect(store.renew(`${long}y`, 'f3b6c2a0-6f0e-4c62-9a44-2f7f3f6d6c11', TTL)).resolves.toBe(true);
  });

  it('takes durations of weeks', async () => {
    const weeks = 30 * 24 * 3_600_000;
    await store.acquire('key', 'a', weeks);
    passed += weeks - 1;
    await expect(store.acquire('key', 'b', TTL)).resolves.toEqual({ acquired: false });
  });

  it('shows its owner to whoever looks into the store', async () => {
    await taken('a');
    await expect(memory.inspect('key')).resolves.toMatchObject({ holder: '{"owner":"a"}' });
  });

  it('takes back what a call that has failed may have been given', async () => {
    const acquire = memory.acquire.bind(memory);
    memory.acquire = async (wanted) => {
      await acquire(wanted);
      throw new Error('the connection was reset');
    };
    await expect(store.acquire('key', 'a', TTL)).rejects.toThrow('the connection was reset');
    await expect(memory.inspect('key')).resolves.toBeNull();
  });

  it('asks with an owner that the store has not seen, which refuses those that have ended', async () => {
    const owners: string[] = [];
    const acquire = memory.acquire.bind(memory);
    memory.acquire = (wanted) => {
      owners.push(wanted.owner);
      return acquire(wanted);
    };
    for (let i = 0; i < 3; i++) {
      await taken('a');
      await store.release('key', 'a');
    }
    expect(new Set(owners).size).toBe(3);
  });

  it('gives up what may still be granted after it was told busy', async () => {
    await taken('b');
    const release = jest.spyOn(memory, 'release');
    memory.acquire = async () => ({
      status: 'busy',
      owner: 'b',
      holder: '{}',
      remaining: TTL,
      unsettled: true,
    });
    await expect(store.acquire('key', 'a', TTL)).resolves.toEqual({ acquired: false });
    expect(release).toHaveBeenCalledWith(expect.objectContaining({ end: 'void' }), expect.any(Number));
  });

  it('renews and frees what another process has taken for the same owner', async () => {
    await taken('a');
    const other = asBasicStore(memory);
    await expect(other.release('key', 'b')).resolves.toBe(false);
    await expect(other.renew('key', 'a', TTL)).resolves.toBe(true);
    await expect(other.acquire('key', 'a', TTL)).resolves.toEqual({ acquired: false });
    await expect(other.release('key', 'a')).resolves.toBe(true);
  });

  it('is a store of this library again', async () => {
    const again = basicStore(store);
    const held = request('job');
    const fencingToken = await granted(again, held);
    expect(await granted(again, held)).toBe(fencingToken);
    await expect(again.acquire(request('job'), WITHIN)).resolves.toMatchObject({ status: 'busy' });
    await expect(again.release(ended(held), WITHIN)).resolves.toBe('held');
  });

  async function taken(owner: string): Promise<number> {
    const result: BasicAcquireResult = await store.acquire('key', owner, TTL);
    if (!result.acquired) throw new Error(`${owner} was refused`);
    return result.fencingToken;
  }
});
