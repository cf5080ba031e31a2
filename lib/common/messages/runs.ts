import { iso, list, reason, seconds, show, traceOf } from './wording.js';

/** About the runs of jobs: ticks, start hooks, missed ticks, and jobs that are run or paused by hand. */
export const runMessages = {
  noTicks: () =>
    'This process takes no ticks (ticks: false): it skips the @Exclusive methods that its scheduler calls, and its ' +
    '@LeaderElection providers do not stand for election.',
  runsUnlocked: (method: string, name: string) =>
    `${method} runs without its lock "${name}" in every replica that calls it: the store is unavailable, and ` +
    "whenUnavailable is 'run'. So does every other method with that option until the store is back.",
  ranLate: (name: string, run: string, ms: number) =>
    `"${name}" (${run}) begins ${seconds(ms)} late: the lock store was unavailable.`,
  runLost: (name: string, run: string, shuttingDown: boolean) =>
    `"${name}" (${run}) was not run by this replica: the lock store was unavailable until ` +
    `${shuttingDown ? 'the application shut down' : 'the next run was due, or retryFor was over'}. Later runs that are ` +
    'lost in this outage are not logged.',
  tooEarly: (name: string, by: number, tick: number, now: number) =>
    `A tick of "${name}" was skipped because it is ${Math.round(by / 1000)} s ahead of the store's clock: the tick is at ` +
    `${iso(tick)}, this replica's clock says ${iso(now)}, and the store's clock says ${iso(tick - by)}. Set the clock ` +
    'that is wrong.',
  spuriousCall: (job: string, time: Date) =>
    `${job} was called for ${time.toISOString()}, which is not a tick of its cron expression, and the call was skipped: ` +
    'cron calls some jobs too early when the clocks change. The job runs when it is due.',
  gaveUp: (name: string, run: string, attempts: number) =>
    `The ${run} was given up: ${attempts} ${attempts === 1 ? 'replica has' : 'replicas have'} begun it under the lock ` +
    `"${name}", and none finished it. Find out what kills them.`,
  grantedTooLate: (name: string, run: string) =>
    `"${name}" (${run}) was granted to this replica after the application had begun to shut down, and was released. If the ` +
    'other replicas have asked for it already, no replica runs it.',
  missed: (name: string, run: string) => `"${name}" (${run}) was missed: no replica ran it.`,
  missedInARow: (name: string, first: string, count: string, before: number) =>
    `"${name}" missed ${count} ticks: no replica ran the ${first} or those after it that were due before ${iso(before)}.`,
  missedTooLong: (name: string, run: string, within: number | undefined, before: string | undefined) =>
    `"${name}" (${run}) was missed: no replica ran it, and it is too late now (missed.within is ${within} ms).` +
    (before === undefined ? '' : ` No replica ran the ticks before it either: ${before}.`),
  missedRunFailed: (method: string, tick: Date, error: unknown) =>
    `${method} failed when it was called for the missed tick ${iso(tick.getTime())}: ${traceOf(error)}`,
  standbyOver: (method: string, why: string) => `${method} did not run within standbyTimeout. ${why}`,
  startGoesOn: () => "whenTimedOut is 'continue', so the start goes on without it.",

  runInsideItself: (method: string, name: string) =>
    `${method} cannot be run by hand inside work that holds its lock "${name}": it never runs twice at a time.`,
  notReached: (method: string) =>
    `${method} was called by hand, but a decorator above @Exclusive did not call it. Put @Exclusive above that decorator.`,
  runOfStartHook: (method: string) =>
    `${method} is a start hook, which Nest calls when the application starts. It cannot be run by hand.`,
  jobElsewhere: (job: string, replicas: readonly string[]) =>
    `This replica does not have the job "${job}". Run it on one that has it: ${list(replicas)}.`,
  noSuchJob: (job: string, known: readonly string[]) =>
    `There is no job "${job}"${known.length === 0 ? ', nor any other' : `. Known jobs: ${list(known)}`}.`,
  ambiguousJob: (job: string, names: readonly string[]) =>
    `The locks ${list(names)} each have a job "${job}". Name one of them: { name: ${show(names[0])}, job: ${show(job)} }.`,
  pauseOfInitialisation: (method: string) =>
    `${method} cannot be paused: it runs once per version, and other replicas wait for it or rely on it.`,
  otherSchedule: (method: string, own: string, replica: string, other: string) =>
    `${method} has the schedule ${own} in this replica and ${other} in ${replica}, so the job runs at the ticks of both. ` +
    'This ends when all replicas have the same version. If they do already, give them the same expression and time zone.',
  catalogueRefused: (cause: unknown) =>
    `This replica is not in the catalogue of jobs, because the store refuses it (${reason(cause)}). Grant the user of the ` +
    'store the missing permissions, or set catalogue: false.',

  jobOverdue: (job: string, last: Date | undefined, longestAge: number) =>
    `"${job}" has not succeeded for more than ${seconds(longestAge)}: ` +
    `${last ? `its last success began at ${iso(last.getTime())}` : 'no success is known'}.`,
  noLeader: (election: string) => `No replica leads "${election}".`,
} as const;
