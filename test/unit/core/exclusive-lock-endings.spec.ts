import { LockStoreError } from '../../../lib/common/errors.js';
import { acquired, lockOf, record } from './support/lock-object.js';
import { useRealTime } from './support/manual-clock.js';
import { RecordingLogger } from './support/recording-logger.js';
import { RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import type { Behaviour } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => (replica = startReplica()));
afterEach(useRealTime);

/** What a user of Redis is told who may not delete the key. */
const mayNotRelease: Behaviour<never> = async () => {
  const cause = new Error('NOPERM no permissions');
  throw new LockStoreError('not allowed', { cause, mayHaveRun: false, refused: true, permanent: true });
};

describe('the release of a lock object', () => {
  it('that the store refuses permanently is emitted as error, once, and as released if the store accepts it later', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'error', 'released', 'lost');
    replica.store.always('release', mayNotRelease);

    const releasing = lock.release();
    await replica.clock.pass(TTL / 2);
    await releasing;
    expect(replica.store.callsOf('release').length).toBeGreaterThan(1);
    expect([lock.acquired, told]).toEqual([false, ['error LOCK_STORE']]);

    replica.store.recover('release');
    await replica.clock.pass(TTL / 2 - 1);
    expect(told).toEqual(['error LOCK_STORE', 'released']);
  });

  it('whose key had vanished is emitted as released, so that a shutdown that waits for this event continues', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'error', 'released', 'lost');
    await replica.store.vanish('a');

    await lock.release();

    expect(told).toEqual(['released']);
  });

  it('whose key another holder had taken is emitted as lost, and not as released', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'error', 'released', 'lost');
    await replica.store.steal('a');

    await lock.release();

    expect(told).toEqual(['lost taken']);
  });
});

describe('the logger of a lock object', () => {
  it('gets the log line about its loss, which the logger of the module does not get', async () => {
    const logger = new RecordingLogger();
    await acquired(lockOf(replica, { logger }));
    await replica.store.steal('a');
    await replica.clock.pass(RENEW_EVERY);

    expect(logger.warnings).toEqual([
      expect.stringContaining('The lease on "a" is lost: another owner holds'),
    ]);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('gets the log line about a release that is refused permanently', async () => {
    const logger = new RecordingLogger();
    const lock = await acquired(lockOf(replica, { logger }));
    lock.on('error', () => undefined);
    replica.store.always('release', mayNotRelease);
    const releasing = lock.release();
    await replica.clock.pass(TTL);
    await releasing;

    expect(logger.errors).toEqual([expect.stringContaining('"a"')]);
    expect(replica.logger.errors).toEqual([]);
  });
});
