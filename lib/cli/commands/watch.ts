import { setTimeout as sleep } from 'node:timers/promises';
import { checkDuration } from '../../common/duration.js';
import { LockStoreError } from '../../common/errors.js';
import type { Job, Run } from '../../locks/job-types.js';
import type { LockState } from '../../core/lock-manager.js';
import type { Command, CommandContext } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { clockTime, lengthOf } from '../words.js';

/** What was seen of all locks and jobs at one moment. */
interface Seen {
  /** By name. */
  readonly locks: ReadonlyMap<string, LockState>;
  /** By lock and job. */
  readonly jobs: ReadonlyMap<string, Job>;
}

/** Something that has changed. */
interface Change {
  readonly change: 'held' | 'free' | Run['outcome'] | 'paused' | 'resumed' | 'unavailable' | 'available';
  readonly name?: string;
  readonly job?: string;
  /** For people. */
  readonly text: string;
}

export const watch: Command = {
  usage: '[--every <time>]',
  summary: 'what happens from now on, a line for each change, until it is interrupted',
  words: { least: 0, most: 0 },
  options: { every: { type: 'string', default: '1s' } },
  async run(context) {
    const every = checkDuration('--every', context.options['every'], 100);
    let before = await look(context);
    let isAway = false;
    while (await pause(every, context.signal)) {
      try {
        const now = await look(context);
        if (isAway) tell(context, [{ change: 'available', text: 'the store answers again' }]);
        isAway = false;
        tell(context, changesOf(before, now));
        before = now;
      } catch (error) {
        if (!(error instanceof LockStoreError)) throw error;
        if (!isAway) tell(context, [{ change: 'unavailable', text: error.message }]);
        isAway = true;
      }
    }
    return EXIT.done;
  },
};

/** False when it is over. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

async function look({ locks, manager }: CommandContext): Promise<Seen> {
  const held = new Map<string, LockState>();
  for await (const state of locks.list()) held.set(state.name, state);
  const jobs = manager.records.areKept ? await locks.jobs.list() : [];
  return { locks: held, jobs: new Map(jobs.map((job) => [JSON.stringify([job.name, job.job]), job])) };
}

function changesOf(before: Seen, now: Seen): Change[] {
  const changes: Change[] = [];
  for (const [name, state] of now.locks)
    if (before.locks.get(name)?.fencingToken !== state.fencingToken) changes.push(heldNow(state));
  for (const name of before.locks.keys())
    if (!now.locks.has(name)) changes.push({ change: 'free', name, text: `${name} is free` });
  for (const [key, job] of now.jobs) {
    const known = before.jobs.get(key);
    if (known) changes.push(...changesOfJob(known, job));
  }
  return changes;
}

function heldNow({ name, holder, fencingToken }: LockState): Change {
  const by = holder.replica ?? 'another program';
  const token = fencingToken === undefined ? '' : `, token ${fencingToken}`;
  return { change: 'held', name, text: `${name} is held by ${by}${token}` };
}

function changesOfJob(before: Job, { name, job, paused, lastRun }: Job): Change[] {
  const changes: Change[] = [];
  if (paused && !before.paused)
    changes.push({
      change: 'paused',
      name,
      job,
      text: `${job} was paused by ${paused.by}: ${paused.reason}`,
    });
  if (!paused && before.paused) changes.push({ change: 'resumed', name, job, text: `${job} was resumed` });
  const isNews =
    lastRun &&
    (lastRun.fencingToken !== before.lastRun?.fencingToken ||
      lastRun.tick?.getTime() !== before.lastRun.tick?.getTime() ||
      lastRun.outcome !== before.lastRun.outcome);
  if (isNews) changes.push({ change: lastRun.outcome, name, job, text: `${job} ${outcomeOf(lastRun)}` });
  return changes;
}

function outcomeOf({ outcome, replica, duration, error }: Run): string {
  if (outcome === 'missed') return 'missed a tick';
  if (outcome === 'running') return `runs on ${replica}`;
  const took = duration === undefined ? '' : ` after ${lengthOf(duration)}`;
  return `${outcome === 'abandoned' ? 'was abandoned' : outcome} on ${replica}${took}${error ? `: ${error}` : ''}`;
}

function tell({ output }: CommandContext, changes: readonly Change[]): void {
  const at = new Date();
  for (const { text, ...change } of changes) output.say(`${clockTime(at)}  ${text}`, { at, ...change, text });
}
