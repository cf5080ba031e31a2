// A process with a store of its own that does what it is told over IPC: { id, call, args }.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [storeModule, folder] = process.argv.slice(2);
const { LocalLockStore } = await import(storeModule);
const store = await LocalLockStore.open({ folder, prefix: 'test' });

const calls = {
  acquire: (request) => store.acquire(request, 5000),
  release: (request) => store.release(request, 5000),
  now: () => Date.now(),
  block,
  holdWriteLock,
  count,
};

/** Adds to a number in a file, in the way that loses updates unless the lock excludes others. */
async function count(file, times) {
  for (let done = 0; done < times;) {
    const request = { name: 'counter', record: `${process.pid}:${done}`, ttl: 10_000 };
    const { status } = await store.acquire(request, 5000);
    if (status !== 'granted') {
      await sleep(1);
      continue;
    }
    const seen = Number(readFileSync(file, 'utf8'));
    await sleep(0);
    writeFileSync(file, String(seen + 1));
    await store.release(request, 5000);
    done++;
  }
}

/** Leaves writes under way while the event loop stands still. */
function block(ms) {
  void store.acquire({ name: 'left under way', record: String(process.pid), ttl: 1000 }, 60_000);
  setImmediate(() => {
    process.send({ blocked: true });
    const end = performance.now() + ms;
    while (performance.now() < end);
  });
}

/** What a process does that is stopped in the middle of a write. */
async function holdWriteLock() {
  const { open } = await import('lmdb');
  const db = open(join(folder, 'locks.mdb'), { noSubdir: true, encoding: 'json', useVersions: true });
  db.transactionSync(() => {
    process.send({ blocked: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
}

async function answer({ id, call, args }) {
  try {
    process.send({ id, value: await calls[call](...args) });
  } catch (error) {
    process.send({ id, error: String(error) });
  }
}

process.on('message', (request) => void answer(request));
process.send({ pid: process.pid });
