import { hostname, userInfo } from 'node:os';
import { checkDuration } from '../../common/duration.js';
import type { Job, JobName, Run } from '../../locks/job-types.js';
import type { Command, CommandContext } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { CellStyle, Column } from '../table.js';
import { UsageError } from '../usage-error.js';
import { fromNow, lengthOf, moment } from '../words.js';

const STYLES: Readonly<Record<Run['outcome'], CellStyle | undefined>> = {
  running: 'yellow',
  succeeded: 'green',
  failed: 'red',
  lost: 'red',
  abandoned: 'red',
  missed: 'red',
};

const JOBS: readonly Column<Job>[] = [
  { title: 'JOB', text: ({ job }) => job },
  { title: 'METHOD', text: ({ method }) => method },
  { title: 'SCHEDULE', text: scheduleOf },
  { title: 'NEXT', text: ({ nextTick }) => fromNow(nextTick) },
  { title: 'LAST RUN', text: ({ lastRun }) => fromNow(lastRun?.started) },
  { title: 'ON', text: ({ lastRun }) => lastRun?.replica },
  { title: 'TOOK', text: ({ lastRun }) => tookOf(lastRun), isNumber: true },
  {
    title: 'STATE',
    text: ({ paused, lastRun }) => (paused ? 'paused' : lastRun?.outcome),
    style: ({ paused, lastRun }) => (paused ? 'yellow' : lastRun && STYLES[lastRun.outcome]),
  },
  { title: 'REPLICAS', text: ({ replicas }) => String(replicas.length), isNumber: true },
];

const RUNS: readonly Column<Run>[] = [
  { title: 'TICK', text: ({ tick }) => moment(tick) },
  { title: 'STARTED', text: ({ started, outcome }) => (outcome === 'missed' ? '-' : moment(started)) },
  { title: 'ON', text: ({ replica }) => replica },
  { title: 'TOOK', text: tookOf, isNumber: true },
  { title: 'OUTCOME', text: ({ outcome }) => outcome, style: ({ outcome }) => STYLES[outcome] },
  { title: 'TOKEN', text: ({ fencingToken }) => fencingToken.toString(), isNumber: true },
  { title: 'NOTE', text: noteOf },
];

/** Names a job of two locks. */
const LOCK = { lock: { type: 'string' } } as const;

export const jobs: Command = {
  usage: '',
  summary: 'the jobs of all replicas: schedule, next tick, last run',
  words: { least: 0, most: 0 },
  async run({ locks, output }) {
    const all = (await locks.jobs.list()).toSorted((a, b) => (a.job < b.job ? -1 : 1));
    output.table(JOBS, all, 'No replica has made any jobs known.');
    return EXIT.done;
  },
};

export const runs: Command = {
  usage: '<job>',
  summary: 'the last runs of a job, the newest first',
  words: { least: 1, most: 1 },
  options: LOCK,
  run: (context) =>
    withJob(context, async (job) => {
      context.output.table(RUNS, await context.locks.jobs.runs(job), 'No run of it is known.');
    }),
};

export const pause: Command = {
  usage: '<job> --reason <text> [--until <time>] [--by <name>]',
  summary: 'has all replicas skip a job, until it is resumed or until a time (2h, 2026-12-01T06:00)',
  words: { least: 1, most: 1 },
  options: { ...LOCK, reason: { type: 'string' }, until: { type: 'string' }, by: { type: 'string' } },
  run: (context) =>
    withJob(context, async (job) => {
      const { locks, output, options } = context;
      const { reason, by = `${userInfo().username}@${hostname()}` } = options as Record<string, string>;
      if (!reason) throw new UsageError('--reason must say why, for others.');
      const until = timeOf(options['until'] as string | undefined);
      await locks.jobs.pause(job, { reason, by, until });
      const [name] = context.words;
      const end = until ? `until ${moment(until)}` : 'until it is resumed';
      output.say(`${name} is paused ${end}.`, { job: name, paused: { reason, by, until } });
    }),
};

export const resume: Command = {
  usage: '<job>',
  summary: 'ends the pause of a job',
  words: { least: 1, most: 1 },
  options: LOCK,
  run: (context) =>
    withJob(context, async (job) => {
      await context.locks.jobs.resume(job);
      const [name] = context.words;
      context.output.say(`${name} runs again from its next tick on.`, { job: name, paused: null });
    }),
};

/** Exits with 1 if no replica has the job. */
async function withJob(
  { locks, output, words: [job], options: { lock } }: CommandContext,
  work: (job: JobName) => Promise<void>,
): Promise<ExitCode> {
  const named = typeof lock === 'string' ? { name: lock, job } : job;
  if (await locks.jobs.get(named)) {
    await work(named);
    return EXIT.done;
  }
  output.say(`No replica that runs now has the job ${job}. \`jobs\` lists them.`, { job, known: false });
  return EXIT.refused;
}

/** A moment, or a length of time from now. */
function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const isMoment = /^\d{4}-/.test(text);
  const time = isMoment ? new Date(text) : new Date(Date.now() + checkDuration('--until', text, 1));
  if (Number.isNaN(time.getTime()))
    throw new UsageError(`--until must be a time such as 2026-12-01T06:00 or 2h, not ${text}.`);
  return time;
}

function scheduleOf({ role, expression, timeZone }: Job): string {
  if (role === 'cron') return [expression, timeZone].filter(Boolean).join(' ');
  return expression === undefined ? role : `${role} ${lengthOf(Number(expression))}`;
}

function tookOf(run: Run | undefined): string | undefined {
  return run?.duration === undefined ? undefined : lengthOf(run.duration);
}

function noteOf({ error, missed, byHand, outcome }: Run): string | undefined {
  if (error) return error;
  if (byHand) return 'run by hand';
  return missed && outcome !== 'missed' ? 'late: it was missed' : undefined;
}
