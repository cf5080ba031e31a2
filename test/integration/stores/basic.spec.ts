import { jest } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { openLocks } from '../../../lib/locks/open-locks.js';
import { basicStore } from '../../../lib/stores/basic/basic-store.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import {
  WITHIN,
  ended,
  granted,
  keyClaim,
  request,
  rerunClaim,
  tickClaim,
} from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import { describeContract } from './describe-contract.js';
import { BasicMapStore } from './support/basic-map-store.js';

const LATER_TICKS = 'each tick is a key of its own, so a later one says nothing of those before it';
const NO_STORE_CLOCK = 'whether a tick is due is judged by the clock of the replica';
const OWN_TOKENS = 'the fencing tokens are those of the basic store';
const NO_PLACE = 'the basic store keeps an owner, and nothing else';

/** What is lost with three methods; as docs/stores.md says. */
const NOT_KEPT = {
  'an owner that asks again is granted this very tick and none before it': LATER_TICKS,
  'an owner that asks again finds its tick done when a later one was granted to another': LATER_TICKS,
  'a tick is done when a later one was granted': LATER_TICKS,
  'a tick that may be granted again is done as soon as a later one was granted': LATER_TICKS,
  'an acquisition that is void gives back the tick, and none before it': LATER_TICKS,
  'an acquisition that is void stays done if another was granted a later tick since': LATER_TICKS,
  'a tick is behind rather than busy': NO_STORE_CLOCK,
  'a tick is refused to a clock that is behind, not recorded, and granted to one that is right':
    NO_STORE_CLOCK,
  "the store's clock decides about ticks though that of the replica is ahead": NO_STORE_CLOCK,
  "the store's clock decides about ticks though that of the replica is behind": NO_STORE_CLOCK,
  'a fencing token starts at the time of the store in microseconds, a safe integer': OWN_TOKENS,
  "the store's clock makes the fencing tokens though that of the replica is ahead": OWN_TOKENS,
  "the store's clock makes the fencing tokens though that of the replica is behind": OWN_TOKENS,
  'a tick that may be granted again is given up together with those before it, and says which application it belongs to':
    NO_PLACE,
  'a claim says which application has run it: a tick': NO_PLACE,
  'a claim says which application has run it: a tick that is granted again': NO_PLACE,
  'a claim says which application has run it: a gap': NO_PLACE,
  'a claim says which application has run it: a key': NO_PLACE,
  'inspecting finds owner, holder, remaining time and fencing token': NO_PLACE,
  'inspecting gives the holder back byte for byte': NO_PLACE,
  'inspecting gives a large holder back byte for byte': NO_PLACE,
  'a gap is as long as the caller says, not as the one before has said':
    'it is the TTL of a key, which was set when it began',
  'a tick that may be granted again is completed by a release that comes when another does something else':
    'the lock is looked at before what is claimed, so it is busy until the other has ended',
};

describeContract(
  'a basic store',
  async () => {
    const store = new BasicMapStore();
    const options = { inspect: (key: string) => store.inspect(key) };
    const began = Date.now() - performance.now();
    return {
      stores: [basicStore(store, options), basicStore(store, options)],
      otherPrefix: basicStore(store, { ...options, prefix: 'other' }),
      now: () => began + performance.now(),
      close: async () => {},
    };
  },
  { without: ['queue', 'runs', 'admin', 'advance', 'setClockBack', 'holdReplies'], except: NOT_KEPT },
);

describe('a basic store', () => {
  let basic: BasicMapStore;
  let store: LockStore;
  beforeEach(() => {
    basic = new BasicMapStore();
    store = basicStore(basic);
  });

  it('leaves nothing behind but the memory of what was run', async () => {
    for (const claim of [undefined, rerunClaim(Date.now()), keyClaim()]) {
      const held = request('job', { claim });
      await granted(store, held);
      await store.release(ended(held, 'void'), WITHIN);
      expect(basic.keys).toEqual([]);
    }
    const claim = tickClaim(Date.now());
    const held = request('job', { claim });
    await granted(store, held);
    await store.release(ended(held, 'completed'), WITHIN);
    expect(basic.keys).toEqual([`exclusive-lock:["tick","job","cron",${claim.time}]`]);
  });

  it('needs one call for a lock, and one for its release', async () => {
    const calls = [jest.spyOn(basic, 'acquire'), jest.spyOn(basic, 'renew'), jest.spyOn(basic, 'release')];
    const held = request('job');
    await granted(store, held);
    await store.release(ended(held), WITHIN);
    expect(calls.map(({ mock }) => mock.calls.length)).toEqual([1, 0, 1]);
  });

  it('keeps a key by the renewals of the lock until it was completed', async () => {
    const held = request('job', { claim: keyClaim(), ttl: 100 });
    await granted(store, held);
    await store.renew([{ ...held, ttl: 60_000 }], WITHIN);
    for (const key of basic.keys) expect((await basic.inspect(key))?.remaining).toBeGreaterThan(1000);
    expect(basic.keys).toHaveLength(2);
  });

  it('does not run a tick of which it cannot know any more', async () => {
    const old = request('job', { claim: tickClaim(Date.now() - 25 * 3_600_000) });
    await expect(store.acquire(old, WITHIN)).resolves.toMatchObject({ status: 'done' });
  });

  it('frees what is given to it after the caller has given up', async () => {
    const acquire = basic.acquire.bind(basic);
    const late = new EventEmitter();
    jest.spyOn(basic, 'acquire').mockImplementation(async (...args) => {
      await once(late, 'arrives');
      return acquire(...args);
    });
    const wanted = request('job');
    await expect(store.acquire(wanted, 50)).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
    await expect(store.release(ended(wanted, 'void'), WITHIN)).resolves.toBe('vanished');
    const release = jest.spyOn(basic, 'release');

    late.emit('arrives');

    await eventually(() => expect(release).toHaveBeenCalled());
    expect(basic.keys).toEqual([]);
  });

  it.each(['void', 'granted'])(
    'loses nothing that comes late, after a later request was told busy: %s',
    async (end) => {
      const held = request('job');
      await granted(store, held);
      const answers = new EventEmitter();
      const acquire = basic.acquire.bind(basic);
      const late = jest.spyOn(basic, 'acquire').mockImplementationOnce(async (...args) => {
        await once(answers, 'now');
        return acquire(...args);
      });
      const wanted = request('job', { ttl: 600_000 });
      await expect(store.acquire(wanted, 50)).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
      await expect(store.acquire(wanted, WITHIN)).resolves.toMatchObject({ status: 'busy' });
      await store.release(ended(held), WITHIN);
      if (end === 'void') await store.release(ended(wanted, 'void'), WITHIN);

      answers.emit('now');
      await late.mock.results[0].value;

      if (end === 'granted') await granted(store, wanted);
      else await eventually(() => basic.keys.length === 0);
    },
  );

  it('finds what was given to an owner whose reply was lost', async () => {
    const acquire = basic.acquire.bind(basic);
    jest.spyOn(basic, 'acquire').mockImplementationOnce(async (...args) => {
      await acquire(...args);
      throw new Error('the connection was reset');
    });
    const wanted = request('job');
    await expect(store.acquire(wanted, WITHIN)).rejects.toMatchObject({
      mayHaveRun: true,
      message: 'The lock store (basic store) failed: the connection was reset.',
    });
    await granted(store, wanted);
    await expect(store.acquire(request('job'), WITHIN)).resolves.toMatchObject({ status: 'busy' });
  });

  it('does not mind if it cannot be seen who has a key', async () => {
    const blind = basicStore(basic, { inspect: () => Promise.reject(new Error('not now')) });
    await granted(blind, request('job'));
    await expect(blind.acquire(request('job'), WITHIN)).resolves.toMatchObject({ status: 'busy' });
    await expect(blind.inspect('job', WITHIN)).rejects.toMatchObject({ code: 'LOCK_STORE' });
  });

  it('grants nothing to an owner as long as a call is under way that would free it again', async () => {
    const acquire = basic.acquire.bind(basic);
    jest.spyOn(basic, 'acquire').mockImplementationOnce(async (...args) => {
      await acquire(...args);
      throw new Error('the connection was reset');
    });
    const release = basic.release.bind(basic);
    const answers = new EventEmitter();
    jest.spyOn(basic, 'release').mockImplementationOnce(async (...args) => {
      await once(answers, 'now');
      return release(...args);
    });
    const wanted = request('job');
    await expect(store.acquire(wanted, WITHIN)).rejects.toMatchObject({ mayHaveRun: true });
    // Frees what it was given, to be given another fencing token.
    for (let i = 0; i < 2; i++)
      await expect(store.acquire(wanted, 50)).rejects.toMatchObject({ mayHaveRun: true });

    answers.emit('now');

    await granted(store, wanted);
    await expect(store.acquire(request('job'), WITHIN)).resolves.toMatchObject({ status: 'busy' });
  });

  it('says that it cannot tell who holds a lock', async () => {
    await expect(store.inspect('job', WITHIN)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      refused: true,
      message: expect.stringContaining('Give basicStore() the option inspect'),
    });
    await granted(store, request('job'));
    const busy = { status: 'busy', owner: undefined, holder: '', remaining: Infinity };
    await expect(store.acquire(request('job'), WITHIN)).resolves.toEqual(busy);
  });

  it.each([
    [{}, {}, 'lacks acquire, renew, release'],
    [new BasicMapStore(), { prefix: 7 }, 'prefix'],
    [new BasicMapStore(), { description: 7 }, 'description'],
    [new BasicMapStore(), { inspect: true }, 'inspect'],
    [new BasicMapStore(), { ttl: 1 }, 'ttl'],
  ])('refuses what it cannot use: %#', (given, options, said) => {
    const make = () => basicStore(given as BasicMapStore, options as never);
    expect(make).toThrow(
      expect.objectContaining({ code: 'LOCK_CONFIGURATION', message: expect.stringContaining(said) }),
    );
  });
});

describe('applications on a basic store', () => {
  it('are told what to do if they give it as it is', async () => {
    await expect(openLocks({ store: new BasicMapStore() as never })).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('lacks close. If it has acquire, renew and release'),
    });
    await expect(openLocks({ store: { acquire: async () => {} } as never })).rejects.toMatchObject({
      message: expect.stringContaining('lacks renew, release, inspect, close.'),
    });
  });

  it('exclude each other, and run each tick once', async () => {
    const basic = new BasicMapStore();
    const replicas = await Promise.all(
      ['a', 'b', 'c'].map((replica) => openLocks({ store: basicStore(basic), replica, application: 'shop' })),
    );
    let holders = 0;
    const work = async (): Promise<void> => {
      expect(++holders).toBe(1);
      await setImmediate();
      holders--;
    };
    const waiting = replicas.flatMap((locks) =>
      Array.from({ length: 4 }, () => locks.run('job', work, { wait: 10_000 })),
    );
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(12).fill('ran'));

    for (let i = 10; i > 0; i--) {
      const occurrence = { tick: new Date(Date.now() - i) };
      const ran = await Promise.all(replicas.map((locks) => locks.run('job', work, { occurrence })));
      expect(ran.filter(({ status }) => status === 'ran')).toHaveLength(1);
    }
    await Promise.all(replicas.map((locks) => locks.close()));
  });
});
