import type { LockEvent, MissedEvent } from '../../../lib/core/lock-events.js';
import type { RunOptions } from '../../../lib/core/run-options.js';
import { useRealTime } from './support/manual-clock.js';
import { OpenWork, startReplica, type Replica } from './support/replica.js';

const MINUTE = 60_000;
const JOB = 'sync';

/** Two replicas whose job has a tick each minute. */
let replica: Replica;
let other: Replica;
/** The moment of tick 0. */
let start: number;
/** What the two have told, and when. */
let missed: MissedEvent[];

beforeEach(() => {
  replica = startReplica({ history: 5 });
  other = startReplica({ history: 5 }, replica);
  start = Date.now();
  missed = [];
  const listen = (event: LockEvent) => event.type === 'missed' && missed.push(event);
  for (const { locks } of [replica, other]) locks.events.listen(listen);
});
afterEach(useRealTime);

const at = (n: number) => new Date(start + n * MINUTE);
const following = (moment: Date) => at(Math.floor((moment.getTime() - start) / MINUTE) + 1);

function tick(n: number, more: object = {}): RunOptions {
  return { occurrence: { tick: at(n), job: JOB, following, ...more } };
}

/** Lets time pass until so many minutes after tick 0. */
async function until(n: number): Promise<void> {
  await replica.clock.pass(at(n).getTime() - Date.now());
}

/** Runs a tick at the moment when it is due. */
async function run(n: number, options = tick(n), by = replica): ReturnType<Replica['locks']['run']> {
  await until(n);
  return by.locks.run('a', () => 1, options);
}

/** Asks for a tick a third of a minute after it was due. */
async function runLate(n: number, within: number): ReturnType<Replica['locks']['run']> {
  await until(n + 1 / 3);
  return replica.locks.run('a', () => 1, tick(n, { missed: { within, next: at(n + 1) } }));
}

/** The first tick and the number of all of each event. */
const told = () => missed.map((event) => [(event.tick.getTime() - start) / MINUTE, event.count]);

describe('ticks that no replica ran', () => {
  it('are reported with the next granted tick, in one event and one line', async () => {
    await run(0);
    await run(4);

    const first = `tick ${at(1).toISOString()} of ${JOB}`;
    expect(missed).toEqual<MissedEvent[]>([
      { type: 'missed', name: 'a', occurrence: first, job: JOB, tick: at(1), count: 3 },
    ]);
    expect(replica.logger.warnings).toEqual([
      `"a" missed 3 ticks: no replica ran the ${first} or those after it that were due before ${at(4).toISOString()}.`,
    ]);
  });

  it('are reported as a single tick if there is one', async () => {
    await run(0);
    await run(2);

    expect(told()).toEqual([[1, 1]]);
    expect(replica.logger.warnings).toEqual([
      `"a" (tick ${at(1).toISOString()} of ${JOB}) was missed: no replica ran it.`,
    ]);
  });

  it('are reported by one replica, and not by those that do not get the next tick', async () => {
    await run(0);
    await run(2);
    expect(await run(2, tick(2), other)).toMatchObject({ reason: 'done' });

    expect(missed).toHaveLength(1);
  });

  it('are not assumed if each tick ran, nor before the first known tick', async () => {
    for (const n of [3, 4, 5]) await run(n);

    expect(missed).toEqual([]);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('are not those that were due while the previous one ran', async () => {
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, tick(0));
    expect(await run(2, tick(2), other)).toMatchObject({ reason: 'busy' });
    await until(2.5);
    work.finish();
    await running;
    await run(3);
    expect(missed).toEqual([]);

    await run(5);
    expect(told()).toEqual([[4, 1]]);
  });

  it('include those that found the lock of a dead holder', async () => {
    await until(0);
    await other.acquire('a', { ...tick(0), ttl: 1.5 * MINUTE });
    other.store.always('renew', () => new Promise(() => {}));
    expect(await run(1)).toMatchObject({ reason: 'busy' });
    await run(2);

    expect(told()).toEqual([[1, 1]]);
  });

  it('are reported with the next grant if the caller of the first has gone', async () => {
    await run(0);
    const leaving = new AbortController();
    await until(2);
    const running = replica.locks.run('a', () => 1, { ...tick(2), signal: leaving.signal });
    leaving.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
    expect(missed).toEqual([]);
    await run(3);

    expect(told()).toEqual([[1, 2]]);
  });

  it('are reported with the tick that is too late, in one event and one line', async () => {
    await run(0);
    await runLate(9, 10_000);

    expect(told()).toEqual([[1, 9]]);
    expect(replica.logger.warnings).toEqual([
      expect.stringContaining('No replica ran the ticks before it either: 8.'),
    ]);
  });

  it('are reported by a tick that runs late', async () => {
    await run(0);
    expect(await runLate(4, MINUTE)).toMatchObject({ status: 'ran' });

    expect(told()).toEqual([[1, 3]]);
  });

  it('are reported by the first tick of a pause, without those that were due during the pause', async () => {
    const job = { name: 'a', kind: 'tick', job: JOB } as const;
    await run(0);
    await until(3.5);
    await replica.locks.records.pause(job, { reason: 'trial', by: 'anna', since: Date.now() });
    expect(await run(5)).toMatchObject({ reason: 'paused' });
    expect(told()).toEqual([[1, 3]]);

    await replica.locks.records.pause(job, null);
    await run(6);
    expect(missed).toHaveLength(1);
  });

  it('are counted up to a hundred', async () => {
    await run(0);
    await run(150);

    expect(told()).toEqual([[1, 100]]);
    expect(replica.logger.warnings).toEqual([expect.stringContaining('missed 100 or more ticks')]);
  });

  it.each<[what: string, unknown: (moment: Date) => Date | undefined]>([
    ['stands still', (moment) => moment],
    ['has ended', () => undefined],
  ])('are not reported if the schedule %s', async (_, unknown) => {
    await run(0);
    await run(4, tick(4, { following: unknown }));

    expect(missed).toEqual([]);
  });

  it('are not reported if the schedule is unknown', async () => {
    await run(0);
    await run(4, { occurrence: { tick: at(4), job: JOB } });

    expect(missed).toEqual([]);
  });

  it('are not reported without a history', async () => {
    const forgetful = startReplica({}, replica);
    await run(0, tick(0), forgetful);
    await run(4, tick(4), forgetful);

    expect(missed).toEqual([]);
  });
});
