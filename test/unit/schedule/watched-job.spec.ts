import { jest } from '@jest/globals';
import * as cron44 from 'cron';
import * as cron35 from 'cron-3-5';
import * as cron40 from 'cron-4-0';
import { currentFiring, firingOfNewJob } from '../../../lib/schedule/firing.js';
import { watchJob } from '../../../lib/schedule/watched-job.js';
import { eventually } from '../../support/eventually.js';

const EVERY_SECOND = '* * * * * *';
const NEVER = '0 0 0 1 1 *';
const SECOND = 1000;

type Callback = () => void | Promise<void>;
type Job = cron44.CronJob;

const VERSIONS = [
  ['3.5', cron35],
  ['4.0', cron40],
  ['4.4', cron44],
] as unknown as [string, typeof cron44][];

describe.each(VERSIONS)('a watched job of cron %s', (_version, { CronJob }) => {
  const jobs: Job[] = [];
  let ticks: (number | undefined)[];

  beforeEach(() => {
    ticks = [];
  });

  afterEach(() => {
    jest.restoreAllMocks();
    for (const job of jobs.splice(0)) void job.stop();
  });

  function note(): void {
    const calledFor = currentFiring()?.calledFor;
    ticks.push(calledFor && 'tick' in calledFor ? calledFor.tick.getTime() : undefined);
  }

  function make(cronTime: string, onTick: Callback = note, options: object = {}): Job {
    const job = CronJob.from({ cronTime, onTick, ...options });
    jobs.push(job);
    watchJob(job, 'job', { isNew: true });
    return job;
  }

  it('has a tick each time its timer calls', async () => {
    make(EVERY_SECOND).start();
    await eventually(() => ticks.length >= 3, { within: 30_000 });
    expect(ticks).not.toContain(undefined);
    for (const tick of ticks) expect(tick! % SECOND).toBe(0);
    expect(ticks.at(-1)).toBeGreaterThan(ticks[0]!);
  });

  it('has no tick when it is called by hand, before or after its timer', async () => {
    const job = make(EVERY_SECOND);
    void job.fireOnTick();
    job.start();
    await eventually(() => ticks.length >= 2, { within: 30_000 });
    void job.stop();
    void job.fireOnTick();
    expect(ticks.at(0)).toBeUndefined();
    expect(ticks.at(1)).toEqual(expect.any(Number));
    expect(ticks.at(-1)).toBeUndefined();
  });

  it('has a tick in handlers that were added later, and with waitForCompletion', async () => {
    const job = make(EVERY_SECOND, note, { waitForCompletion: true });
    job.addCallback(note);
    job.start();
    await eventually(() => ticks.length >= 2, { within: 30_000 });
    expect(ticks).not.toContain(undefined);
    expect(ticks[0]).toBe(ticks[1]);
  });

  it('reports a call in its constructor once it is watched', async () => {
    const told: Promise<unknown>[] = [];
    make(NEVER, () => void told.push(firingOfNewJob()), { runOnInit: true });
    const another = firingOfNewJob();
    expect(told).toHaveLength(1);
    await expect(told[0]).resolves.toMatchObject({ job: { name: 'job' } });
    await expect(another).resolves.toBeUndefined();
  });

  it('keeps the schedule that it had when it fired', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let fired: number | undefined;
    const job = make(EVERY_SECOND, () => {
      fired ??= Math.floor(job.lastDate()!.getTime() / SECOND) * SECOND;
      return gate.then(note);
    });
    job.start();
    await eventually(() => fired !== undefined, { within: 30_000 });
    const { cronTime } = make(NEVER);
    job.setTime(cronTime);
    release();
    await eventually(() => ticks.length > 0);
    expect(ticks[0]).toBe(fired);
  });

  it('is known while its handler runs and for one more minute', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let counts!: () => boolean;
    const job = make(EVERY_SECOND, () => {
      const firing = currentFiring();
      if (!firing) return undefined;
      counts = () => firing.counts;
      return gate;
    });
    job.start();
    await eventually(() => job.lastDate() !== null, { within: 30_000 });
    void job.stop();
    const now = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(now + 3600 * SECOND);
    expect(counts()).toBe(true);
    release();
    await new Promise(setImmediate);
    clock.mockReturnValue(now + 3659 * SECOND);
    expect(counts()).toBe(true);
    clock.mockReturnValue(now + 3661 * SECOND);
    expect(counts()).toBe(false);
  });

  it('leaves the rejection of a handler to cron', async () => {
    const errorHandler = jest.fn();
    const failure = new Error('the handler');
    const job = make(EVERY_SECOND, () => Promise.reject(failure), {
      waitForCompletion: true,
      errorHandler,
    });
    job.start();
    await eventually(() => expect(errorHandler).toHaveBeenCalledWith(failure), { within: 30_000 });
  });
});

it('an object that is not a job of cron is not watched', () => {
  const stub = { start: () => 'started', stop() {} };
  watchJob(stub, 'stub', { isNew: true });
  watchJob(undefined, 'none', { isNew: true });
  expect(Object.keys(stub)).toEqual(['start', 'stop']);
});
