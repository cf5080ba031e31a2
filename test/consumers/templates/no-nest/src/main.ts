import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Locks, LockLostError, openLocks, type OpenLocksOptions } from 'nestjs-exclusive-lock/locks';

/** npm would install peers that are not optional, which no script has a use for. */
const PEERS_OF_NEST = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];
const EXIT_WITHIN = 10_000;

const STORES: Record<string, OpenLocksOptions> = {
  memory: { store: 'memory', ttl: '5 seconds' },
  local: { store: 'local', folder: 'locks' },
  redis: { redis: process.env['CONSUMER_REDIS_URL'] ?? '', prefix: `no-nest-${process.pid}` },
};

async function main(): Promise<void> {
  const { resolve } = createRequire(join(process.cwd(), 'package.json'));
  for (const peer of PEERS_OF_NEST) assert.throws(() => resolve(peer), { code: 'MODULE_NOT_FOUND' });

  const options = STORES[process.env['CONSUMER_STORE'] ?? ''];
  assert.ok(options);
  const locks = await openLocks(options);
  assert.ok(locks instanceof Locks);
  await checkLocks(locks);
  setTimeout(complain, EXIT_WITHIN).unref();
  await locks.close();
  process.exitCode = 0;
}

async function checkLocks(locks: Locks): Promise<void> {
  const types: string[] = [];
  const stop = locks.onEvent(({ type }) => types.push(type));
  const outcome = await locks.run('work', async (lease) => {
    assert.equal(Locks.current(), lease);
    return { fencingToken: lease.fencingToken, busy: await locks.acquire('work') };
  });
  stop();
  assert.ok(outcome.status === 'ran' && outcome.value.fencingToken > 0 && outcome.value.busy === null);
  assert.deepEqual(types, ['acquired', 'started', 'skipped', 'released', 'finished']);

  const lock = locks.lock('object');
  lock.on('lost', (error) => assert.ok(error instanceof LockLostError));
  assert.ok(await lock.acquire());
  assert.equal((await locks.inspect('object'))?.name, 'object');
  await lock.release();
}

function complain(): never {
  console.error(`still alive after close(), because of ${process.getActiveResourcesInfo().join(', ')}`);
  process.exit(1);
}

// Until all is checked: a promise that never settles lets the process end.
process.exitCode = 1;
void main();
