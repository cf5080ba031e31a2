import { machineTime } from './contenders.js';
import { eventually } from './eventually.js';
import { event } from './history.js';
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
  { within = 15_000 } = {},
): Promise<JobRun> {
  return eventually(
    () => {
      const found = runsOf(replicas).find(matches);
      if (!found) throw new Error(`none of ${runsOf(replicas).length} runs`);
      return found;
    },
    { within, every: 5 },
  );
}

export const isRunning = (run: JobRun): boolean => run.finishedAt === undefined;

/** Resolves when the machine's monotonic clock has come to that time. */
export async function machineTimeIs(time: number): Promise<void> {
  await eventually(() => machineTime() >= time, { within: time - machineTime() + 5000 });
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
