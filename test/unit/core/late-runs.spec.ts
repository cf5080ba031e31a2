import type { Occurrence } from '../../../lib/core/occurrence.js';
import { useRealTime } from './support/manual-clock.js';
import { COMMAND_TIMEOUT, TTL, startReplica, type Replica } from './support/replica.js';
import { fails, timesOut } from './support/scripted-store.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
});
afterEach(useRealTime);

const away = fails({ mayHaveRun: false });

/** The tick of now, of a job that has one in each period. */
function tickOf(period: number): { occurrence: Occurrence } {
  const tick = new Date();
  const following = (moment: Date) =>
    new Date(tick.getTime() + (Math.floor((moment.getTime() - tick.getTime()) / period) + 1) * period);
  return { occurrence: { tick, following, job: 'nightly' } };
}

describe('a tick that is due while the store is away', () => {
  it('runs once, late, when the store is back; the event shows how late, and one line says why', async () => {
    const lates: (number | undefined)[] = [];
    for (const { locks } of [replica, other])
      locks.events.listen((event) => event.type === 'acquired' && lates.push(event.late));
    replica.store.always('acquire', away);

    const options = tickOf(HOUR);
    const runs = [replica, other].map(({ locks }) => locks.run('job', () => 'ran', options));
    await replica.clock.pass(2900);
    replica.store.recover('acquire');
    await replica.clock.pass(100);

    const outcomes = await Promise.all(runs);
    expect(outcomes.filter(({ status }) => status === 'ran')).toHaveLength(1);
    expect(outcomes.filter((outcome) => 'reason' in outcome && outcome.reason === 'done')).toHaveLength(1);
    expect(lates).toEqual([3000]);
    const tick = options.occurrence.tick!.toISOString();
    const late = `"job" (tick ${tick} of nightly) begins 3.0 s late: the lock store was unavailable.`;
    expect([...replica.logger.logs, ...other.logger.logs].filter((line) => line.includes('late'))).toEqual([
      late,
    ]);
    expect([...replica.logger.warnings, ...other.logger.warnings]).toEqual([]);
    expect(replica.logger.errors).toHaveLength(1);
  });

  it('is no longer asked for when the next tick is due', async () => {
    replica.store.always('acquire', away);

    const running = replica.locks.run('job', () => 'ran', tickOf(MINUTE));
    await replica.clock.pass(MINUTE);

    expect(await running).toMatchObject({ status: 'skipped', reason: 'store-unavailable' });
    const asked = replica.store.callsOf('acquire').length;
    await replica.clock.pass(HOUR);
    expect(replica.store.callsOf('acquire')).toHaveLength(asked);
  });

  it('is no longer asked for after an hour', async () => {
    replica.store.always('acquire', away);
    let outcome: unknown;

    void replica.locks.run('job', () => 'ran', tickOf(24 * HOUR)).then((told) => (outcome = told));
    await replica.clock.pass(HOUR - 1000);
    expect(outcome).toBeUndefined();
    await replica.clock.pass(1000);

    expect(outcome).toMatchObject({ reason: 'store-unavailable' });
  });

  it.each([
    ['after as long as retryFor says', 5000, 5000],
    ['at once with retryFor: 0', 0, 0],
  ])('is no longer asked for %s', async (_when, retryFor, ms) => {
    replica.store.always('acquire', away);

    const running = replica.locks.run('job', () => 'ran', { ...tickOf(HOUR), retryFor });
    await replica.clock.pass(ms);

    expect(await running).toMatchObject({ reason: 'store-unavailable' });
  });

  it('is asked for again after the first request, which was never answered, was released as void', async () => {
    replica.store.next('acquire', timesOut);
    // The undo.
    replica.store.next('release', away, away, away);

    const running = replica.locks.run('job', () => 'ran', tickOf(HOUR));
    await replica.clock.pass(COMMAND_TIMEOUT + 1000);

    expect(await running).toEqual({ status: 'ran', value: 'ran' });
    expect(replica.store.callsOf('acquire')).toHaveLength(2);
  });

  it('is granted to the next request if the reply to the first one was lost', async () => {
    replica.store.next('acquire', timesOut);
    replica.store.always('release', away);

    const running = replica.locks.run('job', () => 'ran', { ...tickOf(HOUR), retryFor: 5000 });
    await replica.clock.pass(5000);

    expect(await running).toEqual({ status: 'ran', value: 'ran' });
  });

  it('is no longer asked for when the application shuts down, which does not wait for it', async () => {
    replica.store.always('acquire', away);

    const running = replica.locks.run('job', () => 'ran', tickOf(HOUR));
    await replica.clock.pass(3000);
    await replica.locks.drainScheduled();

    expect(await running).toMatchObject({
      status: 'skipped',
      reason: 'shutting-down',
      error: { code: 'LOCK_STORE' },
    });
  });

  it('is skipped as busy or done by a reply, like any other', async () => {
    await other.acquire('job');
    replica.store.next('acquire', away);

    const running = replica.locks.run('job', () => 'ran', tickOf(HOUR));
    await replica.clock.pass(250);

    expect(await running).toMatchObject({ reason: 'busy' });
  });

  it('is waited for as long as wait says, if its caller waits for the lock', async () => {
    replica.store.always('acquire', away);

    const running = replica.locks.run('job', () => 'ran', { ...tickOf(HOUR), wait: 1000 });
    const failed = expect(running).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await replica.clock.pass(1000);

    await failed;
  });
});

describe('any other run whose store is away', () => {
  it.each([
    ['without an occurrence', {}],
    ['for a tick that does not tell the next one', { occurrence: { tick: new Date(0) } }],
    ['for a gap', { occurrence: { gap: 1000 } }],
    ['for a key', { occurrence: { key: 'v1' } }],
  ])('is skipped at once %s', async (_what, options) => {
    replica.store.always('acquire', away);

    expect(await replica.locks.run('a', () => 1, options)).toMatchObject({ reason: 'store-unavailable' });
  });

  it.each([
    ['without an occurrence', {}],
    ['for a gap', { occurrence: { gap: 1000 } }],
    ['for a key', { occurrence: { key: 'v1' } }],
  ])('is asked for again %s if retryFor says so', async (_what, options) => {
    replica.store.next('acquire', away, away, away);

    const running = replica.locks.run('a', () => 1, { ...options, retryFor: TTL });
    await replica.clock.pass(1000);

    expect(await running).toEqual({ status: 'ran', value: 1 });
  });

  it.each([-1, Number.NaN, '5'])('refuses retryFor = %s', async (retryFor) => {
    const options = { retryFor: retryFor as number };
    await expect(replica.locks.run('a', () => 1, options)).rejects.toThrow('retryFor must be a number');
  });
});
