import { tracingChannel } from 'node:diagnostics_channel';
import type { FinishedEvent, LockEvent, StartedEvent } from '../../../lib/core/lock-events.js';
import { HolderIdentity } from '../../../lib/core/holder.js';
import type { RunTrace } from '../../../lib/core/runs.js';
import { useRealTime } from './support/manual-clock.js';
import { DRAIN_TIMEOUT, OpenWork, startReplica, TTL, type Replica } from './support/replica.js';
import { hangs } from './support/scripted-store.js';

let replica: Replica;
let events: LockEvent[];

beforeEach(() => {
  replica = startReplica({ history: 3 });
  events = [];
  replica.locks.events.listen((event) => events.push(event));
});
afterEach(useRealTime);

const finished = (): FinishedEvent[] => events.filter((event) => event.type === 'finished');
const tick = (job = 'nightly', fromNow = 0) => ({
  occurrence: { tick: new Date(Date.now() + fromNow), job },
});

async function runsOf(job = 'nightly', kind: 'tick' | 'gap' | 'key' = 'tick') {
  const [state] = await replica.locks.records.read([{ name: 'a', kind, job }]);
  return state.runs;
}

const boom = (message: string) => (): never => {
  throw new Error(message);
};

describe('a run', () => {
  it('is told when it starts and when it has ended, also without an occurrence', async () => {
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, {});
    await replica.clock.pass(1500);
    const started = events.filter((event) => event.type === 'started');
    work.finish();
    await running;

    const about = { name: 'a', occurrence: undefined, fencingToken: expect.any(Number), job: undefined };
    const run = { ...about, tick: undefined, missed: false, byHand: false, late: undefined };
    expect(started).toEqual<StartedEvent[]>([{ type: 'started', ...run }]);
    expect(finished()).toEqual<FinishedEvent[]>([
      { type: 'finished', ...run, outcome: 'succeeded', duration: 1500, error: undefined },
    ]);
  });

  it('is told as failed with what the work threw', async () => {
    const error = new Error('boom');
    await expect(replica.locks.run('a', () => Promise.reject(error), tick())).rejects.toBe(error);

    expect(finished()).toEqual([expect.objectContaining({ outcome: 'failed', error, job: 'nightly' })]);
  });

  it('is told as lost where the lock was lost before its end, or its release finds it in other hands', async () => {
    await replica.locks.run('a', () => replica.clock.standStill(TTL), {});
    await replica.locks.run('b', () => replica.store.steal('b'), {});

    expect(finished()).toEqual([
      expect.objectContaining({ outcome: 'lost', error: expect.objectContaining({ reason: 'expired' }) }),
      expect.objectContaining({ outcome: 'lost', error: expect.objectContaining({ reason: 'taken' }) }),
    ]);
  });

  it('is told as abandoned, once, when the shutdown does not wait for it any more', async () => {
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, tick());
    await replica.clock.pass(0);
    const drained = replica.locks.drainScheduled();
    await replica.clock.pass(DRAIN_TIMEOUT + 1000);
    await drained;
    work.finish();
    await running;

    expect(finished().map(({ outcome, duration }) => [outcome, duration])).toEqual([
      ['abandoned', DRAIN_TIMEOUT + 1000],
    ]);
  });

  it('is not told of where it only joins one that runs', async () => {
    await replica.locks.run('a', () => replica.locks.run('a', () => 1, {}), {});

    expect(finished()).toHaveLength(1);
  });
});

describe('the tracing channel of runs', () => {
  const channel = tracingChannel<unknown, RunTrace>('nestjs-exclusive-lock:run');
  const traced: [string, unknown][] = [];
  const note =
    (event: string) =>
    (trace: unknown): void => {
      traced.push([event, { ...(trace as RunTrace) }]);
    };
  const subscribers = {
    start: note('start'),
    end: () => undefined,
    asyncStart: note('asyncStart'),
    asyncEnd: () => undefined,
    error: note('error'),
  };

  beforeEach(() => {
    traced.length = 0;
    channel.subscribe(subscribers);
  });
  afterEach(() => channel.unsubscribe(subscribers));

  it('surrounds the work: its start, its end and its outcome', async () => {
    const outcome = await replica.locks.run('a', () => 7, tick());

    expect(outcome).toEqual({ status: 'ran', value: 7 });
    const run = { name: 'a', job: 'nightly', fencingToken: expect.any(Number), byHand: false };
    expect(traced).toEqual([
      ['start', expect.objectContaining(run)],
      ['asyncStart', expect.objectContaining({ ...run, outcome: 'succeeded', result: 7 })],
    ]);
  });

  it('has the error of work that threw, which its caller still gets', async () => {
    await expect(replica.locks.run('a', boom('boom'), {})).rejects.toThrow('boom');

    expect(traced.map(([event]) => event)).toEqual(['start', 'error', 'asyncStart']);
    expect(traced.at(-1)![1]).toMatchObject({ outcome: 'failed', error: { message: 'boom' } });
  });
});

describe('the record of runs', () => {
  it('has how each has ended, the newest first, and as many as the history says', async () => {
    for (let i = 4; i > 0; i--) await replica.locks.run('a', () => 1, tick('nightly', -i * 1000));
    await expect(replica.locks.run('a', boom('  first line\nsecond'), tick())).rejects.toThrow();

    const runs = await runsOf();
    expect(runs.map(({ outcome, error }) => [outcome, error])).toEqual([
      ['failed', 'first line'],
      ['succeeded', undefined],
      ['succeeded', undefined],
    ]);
    expect(runs[0]).toMatchObject({ tick: Date.now(), replica: 'replica-1', duration: 0 });
  });

  it('is kept of gaps and keys too', async () => {
    await replica.locks.run('a', () => 1, { occurrence: { gap: 1000, job: 'sync' } });
    await replica.locks.run('a', () => 1, { occurrence: { key: 'v1', job: 'migrate' } });

    expect(await runsOf('sync', 'gap')).toMatchObject([{ outcome: 'succeeded' }]);
    expect(await runsOf('["migrate","v1"]', 'key')).toMatchObject([{ outcome: 'succeeded' }]);
  });

  it('says lost of work that ended after its lease', async () => {
    await replica.locks.run('a', () => replica.clock.standStill(TTL), tick());

    expect(await runsOf()).toMatchObject([{ outcome: 'lost' }]);
  });

  it('says succeeded of work that gave the lock back itself', async () => {
    await replica.locks.run('a', (lease) => lease.release(), tick());

    expect(await runsOf()).toMatchObject([{ outcome: 'succeeded' }]);
  });

  it('says running, and abandoned when the holder has died', async () => {
    const lease = await replica.acquire('a', tick());
    expect(await runsOf()).toMatchObject([{ outcome: 'running' }]);
    replica.store.next('release', hangs);
    void lease.release();
    await replica.clock.pass(TTL + 1);

    expect(await runsOf()).toMatchObject([{ outcome: 'abandoned' }]);
  });

  it('has nothing of a run whose caller had gone before it was granted', async () => {
    const leaving = new AbortController();
    const running = replica.locks.run('a', () => 1, { ...tick(), signal: leaving.signal });
    leaving.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
    await replica.clock.pass(0);

    expect(await runsOf()).toEqual([]);
  });

  it('is not kept where the history is off', async () => {
    const other = startReplica({ identity: new HolderIdentity('two') }, replica);
    await other.locks.run('a', () => 1, tick());

    expect(await runsOf()).toEqual([]);
  });

  it.each<[what: string, thrown: unknown, line: string]>([
    ['a text', 'no error', 'no error'],
    ['nothing', undefined, 'undefined'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['a value that is no text', Object.create(null), 'a value that is no error'],
    ['a long message', new Error('é😀'.repeat(300)), 'é😀'.repeat(30)],
  ])('has one line of what was thrown: %s', async (_, thrown, line) => {
    await replica.locks.run('a', () => Promise.reject(thrown), tick()).catch(() => undefined);

    expect((await runsOf())[0].error).toBe(line);
  });
});

describe('a paused job', () => {
  it('is skipped, and the outcome says who has paused it, why and until when', async () => {
    const until = Date.now() + 60_000;
    const job = { name: 'a', kind: 'tick', job: 'nightly' } as const;
    await replica.locks.records.pause(job, { reason: 'migration', by: 'anna', since: Date.now(), until });

    const outcome = await replica.locks.run('a', () => 1, tick());

    const pause = { reason: 'migration', by: 'anna', since: new Date(), until: new Date(until) };
    expect(outcome).toEqual({ status: 'skipped', reason: 'paused', pause });
    expect(events).toEqual([expect.objectContaining({ type: 'skipped', reason: 'paused', pause })]);
    await replica.clock.pass(60_000);
    await expect(replica.locks.run('a', () => 1, tick())).resolves.toMatchObject({ status: 'ran' });
  });
});

describe('a tick that is asked for late', () => {
  const HOUR = 3_600_000;
  /** Due `ago`, in a series of one every hour. */
  const missed = (ago: number, within: number) => {
    const time = Date.now() - ago;
    return {
      occurrence: { tick: new Date(time), job: 'nightly', missed: { within, next: new Date(time + HOUR) } },
    };
  };

  it('is run where an earlier one was, and its lease says that it was missed', async () => {
    await replica.locks.run('a', () => 1, tick('nightly', -HOUR));

    const outcome = await replica.locks.run('a', (lease) => lease.missed, missed(60_000, HOUR));

    expect(outcome).toEqual({ status: 'ran', value: true });
    expect(finished().at(-1)).toMatchObject({ missed: true, late: 60_000 });
    expect((await runsOf())[0]).toMatchObject({ by: 'missed', outcome: 'succeeded' });
  });

  it('is not run where no earlier one is known, nor where the next one is nearer', async () => {
    await expect(replica.locks.run('a', () => 1, missed(60_000, HOUR))).resolves.toMatchObject({
      reason: 'done',
    });
    await replica.locks.run('a', () => 1, tick('nightly', -2 * HOUR));
    await expect(replica.locks.run('a', () => 1, missed(0.6 * HOUR, HOUR))).resolves.toMatchObject({
      reason: 'done',
    });
    expect(replica.logger.warnings).toEqual([]);
  });

  it('is given up where it is too old, which one event, one line and the record tell', async () => {
    await replica.locks.run('a', () => 1, tick('nightly', -HOUR));
    const options = missed(60_000, 30_000);
    const line = `"a" (tick ${options.occurrence.tick.toISOString()} of nightly) was missed`;

    await replica.locks.run('a', () => 1, options);
    await replica.locks.run('a', () => 1, options);

    expect(replica.logger.warnings).toEqual([expect.stringContaining(line)]);
    expect(events.filter(({ type }) => type === 'missed')).toEqual([
      {
        type: 'missed',
        name: 'a',
        occurrence: `tick ${options.occurrence.tick.toISOString()} of nightly`,
        job: 'nightly',
        tick: options.occurrence.tick,
        count: 1,
      },
    ]);
    expect((await runsOf())[0]).toMatchObject({ outcome: 'missed', fencingToken: 0 });
  });

  it.each<[what: string, missed: unknown, told: string]>([
    ['a next tick that is not later', { within: 1, next: new Date(0) }, 'occurrence.missed.next'],
    ['no time', { next: new Date(Date.now() + HOUR) }, 'occurrence.missed.within'],
    ['another option', { within: 1, next: new Date(), after: 1 }, 'after is not an option'],
  ])('is refused with %s', async (_, given, told) => {
    const options = { occurrence: { tick: new Date(), missed: given as never } };
    await expect(replica.locks.run('a', () => 1, options)).rejects.toThrow(told);
  });
});
