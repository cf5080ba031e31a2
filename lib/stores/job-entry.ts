import { NEVER, pauseAt, runsOf, withPause } from './job-record.js';
import { heldToken, nextToken, type Decision, type LockEntry, type StoreTime } from './lock-entry.js';
import { TOKEN_RETENTION, type JobPause, type JobState } from './lock-store.js';
import { keptUntil, liveMark, type JobName } from './run-marks.js';

/** `LockRuns.read` for the embedded stores. */
export function readJob(entry: LockEntry, job: JobName, time: StoreTime): JobState {
  const record = entry.marks.get(job)?.record;
  return {
    lastTick: job.kind === 'tick' ? liveMark(entry.marks, job, time.wall)?.time : undefined,
    pause: pauseAt(record, time.wall),
    runs: runsOf(record, heldToken(entry, time)),
  };
}

/** `LockRuns.pause` for the embedded stores. */
export function pauseJob(
  entry: LockEntry,
  job: JobName,
  pause: JobPause | null,
  time: StoreTime,
): Decision<void> {
  const { marks } = entry;
  marks.setRecord(job, withPause(marks.get(job)?.record, pause, time.wall), time.wall);
  const until = Math.max(keptUntil(marks.get(job)!), time.wall + TOKEN_RETENTION);
  // An entry that was kept for a pause without end need not be kept any longer.
  entry.keepUntil =
    entry.keepUntil < NEVER ? Math.max(entry.keepUntil, until) : Math.max(marks.keptUntil, until);
  // If the entry is new, its first version needs a number.
  if (entry.fencingToken === 0) entry.fencingToken = nextToken(entry, time);
  return [undefined, true];
}
