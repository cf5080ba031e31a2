import { machineTime } from './contenders.js';
import { eventually } from './eventually.js';
import { HANG } from './hang.js';
import { event } from './history.js';
import { standsStill } from './process-state.js';
import type { ReplicaEvent, ReplicaProcess } from './replica-process.js';

/** One run of a job. Times are the machine's, not those of the replica, whose clock may be wrong. */
export interface JobRun {
  readonly replica: ReplicaProcess;
  readonly fencingToken: number;
  /** Which job; undefined where the replica has one only. */
  readonly job: string | undefined;
  /** The nominal time that the run was told, milliseconds since the epoch; NaN where it has none. */
  readonly tick: number;
  /** Milliseconds on the clock that all processes share. */
  readonly startedAt: number;
  /** Undefined while it runs, and for ever if its replica was killed. */
  readonly finishedAt: number | undefined;
}

/** The runs that these replicas have begun, in the order in which they did. */
export function runsOf(replicas: readonly ReplicaProcess[]): JobRun[] {
  return replicas
    .flatMap((replica) => replica.events.filter(event('started')).map((start) => runOf(replica, start)))
    .toSorted((a, b) => a.startedAt - b.startedAt);
}

function runOf(replica: ReplicaProcess, start: ReplicaEvent): JobRun {
  const finish = replica.events.find(event('finished', { fencingToken: start['fencingToken'] }));
  return {
    replica,
    job: start['job'] as string | undefined,
    fencingToken: Number(start['fencingToken']),
    tick: Number(start['tick']),
    startedAt: Number(start['at']),
    finishedAt: finish && Number(finish['at']),
  };
}

/** When the lock was granted for the run, by the store's clock: fencing tokens are made of it. */
export const grantedAt = ({ fencingToken }: JobRun): number => fencingToken / 1000;

/** The first run, past or to come, that matches. */
export function runThat(
  replicas: readonly ReplicaProcess[],
  matches: (run: JobRun) => boolean,
): Promise<JobRun> {
  return eventually(
    () => {
      const found = runsOf(replicas).find(matches);
      if (!found) throw new Error(`none of ${runsOf(replicas).length} runs`);
      return found;
    },
    { every: 5 },
  );
}

/** A job and its ticks, from one to another on the clock of cron. */
export interface Ticks {
  readonly job: string;
  /** Milliseconds between two ticks, which are at whole multiples. */
  readonly period: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The ticks that must have been run: cron has fired them in one of the replicas, and none of them found the lock held for the
 * run of another tick.
 */
export function ticksToRun(replicas: readonly ReplicaProcess[], { job, period, from, to }: Ticks): number[] {
  const all = replicas.flatMap(({ events }) => events);
  const fired = all
    .filter(event('fired', { job }))
    .map(({ wall }) => Math.floor(Number(wall) / period) * period);
  const busy = new Set(all.filter(event('skipped', { job, reason: 'busy' })).map(({ tick }) => tick));
  return [...new Set(fired)]
    .filter((tick) => tick >= from && tick <= to && !busy.has(tick))
    .toSorted((a, b) => a - b);
}

/** Sends a signal to a replica of a cron job when that is between two runs. */
export async function signalBetweenRuns(
  replica: ReplicaProcess,
  signal: 'SIGKILL' | 'SIGSTOP',
): Promise<void> {
  replica.send({ signal });
  if (signal === 'SIGKILL') await eventually(() => replica.exit);
  else await standsStill(replica.pid);
}

export const isRunning = (run: JobRun): boolean => run.finishedAt === undefined;

/** Resolves when the machine's monotonic clock has come to that time. */
export async function machineTimeIs(time: number): Promise<void> {
  await eventually(() => machineTime() >= time, { within: time - machineTime() + HANG });
}

/** The machine's wall clock at a moment of its monotonic clock. */
export function wallTime(at: number): number {
  for (;;) {
    const before = machineTime();
    const wall = Date.now();
    // On a busy machine something may come between the two readings.
    if (machineTime() - before < 1) return wall - before + at;
  }
}

/** How long before the time of its tick a run began, by the machine's clock: 0 unless it was early. */
export const earliness = ({ tick, startedAt }: JobRun): number => Math.max(0, tick - wallTime(startedAt));

/** All that such a replica has to say to an operator: its log lines above debug, without those of its start. */
export function loudLines({ events }: ReplicaProcess): string[] {
  const ready = events.findIndex(event('ready'));
  return events
    .filter(({ event: name, level }, i) => name === 'log' && (level !== 'log' || i > ready))
    .filter(({ level }) => level !== 'debug' && level !== 'verbose')
    .map(({ level, message }) => `${String(level)}: ${String(message)}`);
}
