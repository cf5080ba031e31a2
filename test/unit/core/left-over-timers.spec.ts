import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jest } from '@jest/globals';
import { SteadyClock } from '../../../lib/common/clock.js';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { HolderIdentity } from '../../../lib/core/holder.js';
import { LockManager } from '../../../lib/core/lock-manager.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { RecordingLogger } from './support/recording-logger.js';

const TTL = 300;

afterEach(() => jest.useRealTimers());

/** An application that lives on from one test of a user to the next. */
function startApplication(): { locks: LockManager; store: MemoryLockStore; renewals: () => number } {
  const logger = new RecordingLogger();
  const store = new MemoryLockStore();
  const locks = new LockManager({
    store,
    logger,
    clock: new SteadyClock(),
    outages: new OutageLog(logger),
    identity: new HolderIdentity('replica-1'),
    ttl: TTL,
    renewEvery: TTL / 3,
    commandTimeout: 2000,
    drainTimeout: 0,
  });
  let renewals = 0;
  locks.events.listen(({ type }) => (renewals += Number(type === 'renewed')));
  return { locks, store, renewals: () => renewals };
}

async function runUnderFakeTimers(locks: LockManager): Promise<void> {
  jest.useFakeTimers({ doNotFake: ['performance', 'Date', 'nextTick', 'queueMicrotask', 'setImmediate'] });
  await locks.run('a', () => {}, {});
  jest.useRealTimers();
}

describe('timers that a lease has left behind under the fake timers of a test', () => {
  it('do not prevent the renewal of the next lease after the test has restored real timers', async () => {
    const { locks, renewals } = startApplication();
    await runUnderFakeTimers(locks);

    const outcome = await locks.run('b', () => eventually(() => renewals() > 3), {});

    expect(outcome.status).toBe('ran');
    await locks.close();
  });

  it('do not prevent the time limit of the next release', async () => {
    const { locks, store } = startApplication();
    await runUnderFakeTimers(locks);
    const acquisition = await locks.tryAcquire('b', {});
    const release = jest.spyOn(store, 'release').mockReturnValue(new Promise(() => undefined));

    if (acquisition.status === 'acquired') await acquisition.lease.release();

    expect(release).toHaveBeenCalledTimes(1);
  });
});

describe('a process that has nothing else to do', () => {
  it('stays alive until the wait for an unanswered release is over, and no longer', async () => {
    const script = `
      const { LockTestKit } = await import(${JSON.stringify(pathToFileURL(resolve('dist/esm/testing/index.js')))});
      const { LockManager } = await import(${JSON.stringify(pathToFileURL(resolve('dist/esm/core/lock-manager.js')))});
      const kit = new LockTestKit();
      const nobody = { debug() {}, log() {}, warn() {}, error() {}, begin() {}, end() {} };
      const identity = { newOwner: () => 'owner', describe: () => '{}' };
      const times = { ttl: 10_000, renewEvery: 3000, commandTimeout: 2000, drainTimeout: 0 };
      const locks = new LockManager({ store: kit.store, identity, logger: nobody, outages: nobody, ...times });
      await locks.run('a', () => {}, {});
      const { status } = await locks.run('b', () => kit.down(), {});
      console.log(status);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let output = '';
    child.stdout.on('data', (data) => (output += String(data)));
    child.stderr.on('data', (data) => (output += String(data)));

    const [code] = (await once(child, 'close')) as [number];

    expect([code, output]).toEqual([0, 'ran\n']);
  });
});
