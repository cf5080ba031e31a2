// A process with a store of its own that does what it is told over IPC: { id, call, args }.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [storeModule, folder] = process.argv.slice(2);
const { LocalLockStore } = await import(storeModule);
const store = await LocalLockStore.open({ folder, prefix: 'test' });
let owners = 0;

const calls = {
  acquire: (request) => store.acquire(request, 5000),
  release: (request) => store.release(request, 5000),
  now: () => Date.now(),
  block,
  count,
  churn,
  runEach,
  writeOn,
};

/** Adds to a number in a file, in the way that loses updates unless the lock excludes others. */
async function count(file, times) {
  for (let done = 0; done < times;) {
    const request = newRequest('counter', 10_000);
    const { status } = await store.acquire(request, 5000);
    if (status !== 'granted') {
      await sleep(1);
      continue;
    }
    const seen = Number(readFileSync(file, 'utf8'));
    await sleep(0);
    writeFileSync(file, String(seen + 1));
    await store.release({ ...request, end: 'unfinished' }, 5000);
    done++;
  }
}

/** Ends the process in good order, unless something fails. */
function churn(names, rounds) {
  process.disconnect();
  void (async () => {
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const request = newRequest(name, 10_000);
        const { status } = await known(() => store.acquire(request, 5000));
        if (status === 'granted') await known(() => store.release({ ...request, end: 'unfinished' }, 5000));
      }
    }
  })();
}

/** Repeats what may have been done, as the package does. */
async function known(call) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!error.mayHaveRun) throw error;
    }
  }
}

async function runEach(name, keys, log) {
  for (let key = 0; key < keys;) {
    const claim = { kind: 'key', job: `${key}`, remember: 3_600_000 };
    const request = { ...newRequest(name, 10_000), claim };
    const { status } = await known(() => store.acquire(request, 5000));
    if (status === 'granted') {
      appendFileSync(log, `${key}\n`);
      await known(() => store.release({ ...request, end: 'completed' }, 5000));
    }
    if (status === 'busy') await sleep(1);
    else key++;
  }
}

async function writeOn(name) {
  for (;;) {
    const request = newRequest(name, 100);
    // It fails where this process was stopped in the middle, and goes on with a new one.
    await store.acquire(request, 5000).catch(() => undefined);
    await store.release({ ...request, end: 'unfinished' }, 5000).catch(() => undefined);
    await sleep(0);
  }
}

/** Lets the event loop stand still, right after a write. */
function block(ms) {
  void store.acquire(newRequest('taken before', 1000), 60_000);
  setImmediate(() => {
    process.send({ blocked: true });
    const end = performance.now() + ms;
    while (performance.now() < end);
  });
}

function newRequest(name, ttl) {
  return { name, owner: `${process.pid}.${++owners}`, holder: '{}', ttl };
}

async function answer({ id, call, args }) {
  try {
    const value = await calls[call](...args);
    if (process.connected) process.send({ id, value });
  } catch (error) {
    process.send({ id, error: String(error) });
  }
}

process.on('message', (request) => void answer(request));
process.send({ pid: process.pid });
