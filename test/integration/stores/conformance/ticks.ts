import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  type AcquireReply,
  type TickClaim,
} from '../../../../lib/stores/lock-store.js';
import { SHORT, WITHIN, grantedToken, request, tickClaim, type Subject } from './subject.js';

const MINUTE = 60_000;

export function describeTicks(on: Subject): void {
  it('grants a tick that is due, and says done to whoever asks for it again', async () => {
    const time = await due();
    const holder = request('job', tick(time));
    await grantedToken(on.one, holder);
    await on.one.release(holder, WITHIN);
    await expect(on.one.acquire(request('job', tick(time)), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
    await expect(on.two.acquire(request('job', tick(time)), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
  });

  it('says done to earlier ticks of the job', async () => {
    const time = await due();
    await runTick(time);
    await expect(on.two.acquire(request('job', tick(time - 1)), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
    await expect(on.two.acquire(request('job', tick(time - MINUTE)), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
  });

  it('grants later ticks of the job', async () => {
    const time = await due();
    await runTick(time - MINUTE);
    await runTick(time - 1);
    await runTick(time);
  });

  it('gives every job on a lock ticks of its own', async () => {
    const time = await due();
    await runTick(time, 'nightly');
    await runTick(time, 'hourly');
    await runTick(time - MINUTE, 'a job: {with} anything/in it');
    await expect(on.one.acquire(request('job', tick(time, 'hourly')), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
  });

  it('gives every lock ticks of its own', async () => {
    const time = await due();
    await runTick(time);
    await grantedToken(on.two, request('another job', tick(time)));
  });

  it('does not count work without a tick as one', async () => {
    const holder = request('job');
    await grantedToken(on.one, holder);
    await on.one.release(holder, WITHIN);
    await runTick(await due());
  });

  it('grants the lock without a tick whatever ticks were granted', async () => {
    await runTick(await due());
    await grantedToken(on.two, request('job'));
  });

  it('says done rather than busy while the tick that was asked for runs', async () => {
    const time = await due();
    await grantedToken(on.one, request('job', tick(time)));
    await expect(on.two.acquire(request('job', tick(time)), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
  });

  it('does not record a tick for which the lock was busy', async () => {
    const holder = request('job');
    const time = await due();
    await grantedToken(on.one, holder);
    await expect(on.two.acquire(request('job', tick(time)), WITHIN)).resolves.toMatchObject({
      status: 'busy',
      record: holder.record,
    });
    await on.one.release(holder, WITHIN);
    await grantedToken(on.two, request('job', tick(time)));
  });

  it('grants the record that holds the lock its own tick again, with the same fencing token', async () => {
    const wanted = request('job', tick(await due()));
    const fencingToken = await grantedToken(on.one, wanted);
    await expect(on.one.acquire(wanted, WITHIN)).resolves.toMatchObject({ status: 'granted', fencingToken });
  });

  it('keeps a tick done after its holder has expired', async () => {
    const time = await due();
    await grantedToken(on.one, request('job', { ...tick(time), ttl: SHORT }));
    await on.expiry('job');
    await expect(on.two.acquire(request('job', tick(time)), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
  });

  it('says by how much a tick is early, and records nothing', async () => {
    const before = await on.now();
    const time = Math.ceil(before) + MINUTE;
    const reply = await on.one.acquire(request('job', tick(time)), WITHIN);
    expectEarly(reply, time - (await on.now()), time - before);

    await expect(on.two.inspect('job', WITHIN)).resolves.toBeNull();
    await runTick(await due());
  });

  it('says early rather than busy, and rather than done of the ticks before', async () => {
    const time = await due();
    await grantedToken(on.one, request('job', tick(time)));
    const reply = await on.two.acquire(request('job', tick(time + MINUTE)), WITHIN);
    expect(reply.status).toBe('early');
  });

  it('takes a tick that is a few milliseconds ahead for due, and for done afterwards', async () => {
    const time = Math.floor(await on.now()) + EARLY_TOLERANCE;
    await runTick(time);
    await expect(on.two.acquire(request('job', tick(time)), WITHIN)).resolves.toMatchObject({
      status: 'done',
    });
  });

  it('draws the line between due and early at the tolerance', async () => {
    if (!on.advance) return;
    const now = await on.now();
    const over = request('job', tick(now + EARLY_TOLERANCE + 1));
    await expect(on.one.acquire(over, WITHIN)).resolves.toMatchObject({
      status: 'early',
      by: EARLY_TOLERANCE + 1,
    });
    await grantedToken(on.one, request('job', tick(now + EARLY_TOLERANCE)));
  });

  it('says behind to a clock that is late, records nothing, and grants the tick to whoever wants it all the same', async () => {
    const time = await due();
    const late = { ...tickClaim(time), askedAt: time - 2 * BEHIND_TOLERANCE };
    const reply = await on.one.acquire(request('job', { claim: late }), WITHIN);
    expect(reply).toMatchObject({ status: 'behind' });
    expect(reply.now).toBeGreaterThanOrEqual(time - 20);
    await expect(on.two.inspect('job', WITHIN)).resolves.toBeNull();
    await grantedToken(on.two, request('job', tick(time)));
  });

  it('grants a tick to a late clock once ticks of the job were granted: none has run this one', async () => {
    const time = await due();
    await runTick(time - 2);
    const late = { ...tickClaim(time - 1), askedAt: time - 2 * BEHIND_TOLERANCE };
    await grantedToken(on.one, request('job', { claim: late }));
  });

  it('grants a tick to a clock that is right', async () => {
    const time = await due();
    const claim = { ...tickClaim(time), askedAt: time };
    await grantedToken(on.one, request('job', { claim }));
  });

  it('grants an early tick once its time has come', async () => {
    const time = Math.ceil(await on.now()) + EARLY_TOLERANCE + 100;
    const wanted = request('job', tick(time));
    let reply = await on.one.acquire(wanted, WITHIN);
    expectEarly(reply, 0, EARLY_TOLERANCE + 101);
    while (reply.status === 'early') {
      on.advance?.(reply.by);
      reply = await on.one.acquire(wanted, WITHIN);
    }
    expect(reply.status).toBe('granted');
    expect(await on.now()).toBeGreaterThanOrEqual(time - EARLY_TOLERANCE);
  });

  async function due(): Promise<number> {
    return Math.floor(await on.now());
  }

  async function runTick(time: number, job = 'cron'): Promise<void> {
    const holder = request('job', tick(time, job));
    await grantedToken(on.one, holder);
    await on.one.release(holder, WITHIN);
  }
}

function tick(time: number, job?: string): { claim: TickClaim } {
  return { claim: tickClaim(time, job) };
}

function expectEarly(reply: AcquireReply, least: number, most: number): void {
  if (reply.status !== 'early') throw new Error(`Expected early, got ${reply.status}`);
  expect(reply.by).toBeGreaterThanOrEqual(Math.floor(least));
  expect(reply.by).toBeLessThanOrEqual(Math.ceil(most));
}
