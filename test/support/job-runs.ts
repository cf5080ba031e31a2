import { machineTime } from './contenders.js';
import { eventually } from './eventually.js';
import { HANG } from './hang.js';
import { event } from './history.js';
import { standsStill } from './process-state.js';
import type { ReplicaEvent, ReplicaProcess } from './replica-process.js';

/** One run of a job. Times are the machine's, not those of the replica, whose clock may be wrong. */
export interface JobRun {
  readonly replica: ReplicaProcess;
  readonly fence: number;
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
  const finish = replica.events.find(event('finished', { fence: start['fence'] }));
  return {
    replica,
    fence: Number(start['fence']),
    tick: Number(start['tick']),
    startedAt: Number(start['at']),
    finishedAt: finish && Number(finish['at']),
  };
}

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

/** The ticks of a job that cron has fired in any of these replicas since a time of its own clock, each once and in order. */
export function firedTicks(
  replicas: readonly ReplicaProcess[],
  { job, since, period }: { job: string; since: number; period: number },
): number[] {
  const fired = replicas
    .flatMap(({ events }) => events.filter(event('fired', { job })))
    .map(({ wall }) => Math.floor(Number(wall) / period) * period);
  return [...new Set(fired)].filter((tick) => tick >= since).toSorted((a, b) => a - b);
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
export const wallTime = (at: number): number => Date.now() - machineTime() + at;

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
