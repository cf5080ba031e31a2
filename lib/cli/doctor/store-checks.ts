import { EventEmitter, once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockError } from '../../common/errors.js';
import type { Lease } from '../../core/lease.js';
import type { CommandContext } from '../command.js';
import { lengthOf } from '../words.js';
import type { Finding } from './finding.js';

type Place = Pick<CommandContext, 'locks' | 'manager'>;

const QUESTIONS = 20;
/** Milliseconds from which on a round trip, or a difference of clocks, is worth a warning. */
const SLOW = 50;
const OUT_OF_STEP = 500;
/** How long a step of the trial may take, in milliseconds. */
const PATIENCE = 5_000;
/** The lock of the trial. The record of its last run stays at the store. */
const NAME = 'exclusive-lock-doctor';

/** The time of one question, the median of some. */
export async function checkLatency({ locks }: Place): Promise<Finding> {
  const times: number[] = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const asked = performance.now();
    await locks.inspect(NAME);
    times.push(performance.now() - asked);
  }
  const median = times.toSorted((a, b) => a - b)[QUESTIONS / 2];
  const found = `it answers in ${median < 10 ? `${median.toFixed(1)} ms` : lengthOf(median)} (median of ${QUESTIONS})`;
  if (median < SLOW) return { check: 'latency', status: 'ok', found };
  const advice = 'Each acquisition takes one such round trip. Is the store far away, or busy?';
  return { check: 'latency', status: 'warning', found, advice };
}

/** The clocks of this machine and of the replicas, beside that of the store. */
export async function checkClocks({ locks, manager }: Place): Promise<Finding> {
  const check = 'clocks';
  if (!manager.records.areKept)
    return { check, status: 'warning', found: 'this store does not tell its clock' };
  const { ahead } = await manager.records.replicas();
  const replicas = await locks.jobs.replicas();
  const all = [{ replica: 'this machine', ahead }, ...replicas];
  const wrong = all.filter((one) => Math.abs(one.ahead ?? 0) >= OUT_OF_STEP);
  const told = (one: (typeof all)[number]): string =>
    `${one.replica} is ${lengthOf(Math.abs(one.ahead!))} ${one.ahead! > 0 ? 'ahead' : 'behind'}`;
  if (wrong.length === 0) {
    const found = `this machine and ${replicas.length} replicas are within ${OUT_OF_STEP} ms of the store`;
    return { check, status: 'ok', found };
  }
  const advice = 'Ticks still run once, but late. Have NTP or chrony set these clocks.';
  return { check, status: 'warning', found: wrong.map(told).join('; '), advice };
}

/** Does once what the library does: what the user of the store may not do shows here. */
export async function checkPermissions(place: Place): Promise<Finding[]> {
  const steps: readonly (readonly [string, (place: Place) => Promise<unknown>])[] = [
    ['acquire, renew, release', renewOnce],
    ['wait and hand over', handOver],
    ['list', ({ locks }) => firstOf(locks.list({ prefix: NAME }))],
    ['take a lock away', takeAway],
    ['record of runs', recordRun],
  ];
  const findings: Finding[] = [];
  for (const [check, step] of steps) findings.push(await tried(check, () => step(place)));
  return findings;
}

async function tried(check: string, step: () => Promise<unknown>): Promise<Finding> {
  try {
    await step();
    return { check, status: 'ok', found: 'works' };
  } catch (error) {
    if (!(error instanceof LockError)) throw error;
    const advice = 'Give the user of the store the permissions that the page of the store in docs lists.';
    return { check, status: 'problem', found: error.message, advice };
  }
}

async function renewOnce({ locks }: Place): Promise<void> {
  const news = new EventEmitter();
  const stop = locks.onEvent(({ name, type }) => name === NAME && news.emit(type));
  try {
    await using lease = await acquire(locks);
    const signal = AbortSignal.any([lease.signal, AbortSignal.timeout(PATIENCE)]);
    await once(news, 'renewed', { signal }).catch(() => lease.assertHeld());
  } finally {
    stop();
  }
}

async function handOver({ locks }: Place): Promise<void> {
  const first = await acquire(locks);
  const second = acquire(locks);
  await eventually(async () => (await locks.inspect(NAME))?.waiters !== 0);
  await first.release();
  await (await second).release();
}

/** Gives up after some time: a queue that does not work shows in other ways. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE / 5;
  while (!(await isSo()) && performance.now() < end) await sleep(20);
}

async function takeAway({ locks }: Place): Promise<void> {
  await using lease = await acquire(locks);
  await locks.forceRelease(NAME, { fencingToken: lease.fencingToken });
}

async function recordRun({ locks, manager }: Place): Promise<void> {
  manager.records.required('the record of runs');
  await locks.run(NAME, () => undefined, { occurrence: { gap: 1, job: NAME }, wait: PATIENCE });
  await manager.records.read([{ name: NAME, kind: 'gap', job: NAME }]);
}

async function acquire(locks: Place['locks']): Promise<Lease> {
  // With a wait it is granted, or an error is thrown.
  return (await locks.acquire(NAME, { wait: PATIENCE }))!;
}

async function firstOf<T>(all: AsyncIterable<T>): Promise<T | undefined> {
  for await (const one of all) return one;
  return undefined;
}
