import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { checkDuration, type Duration } from '../common/duration.js';
import type { Claim, MissedTick } from '../stores/lock-store.js';

/** The identity of one intended run. The store grants it once across all replicas. */
export type Occurrence = TickOccurrence | GapOccurrence | KeyOccurrence;

interface OccurrenceBase {
  /**
   * The job that runs. Several jobs may share a lock; each has runs of its own.
   *
   * @default ''
   */
  readonly job?: string | undefined;
}

/** One tick of a schedule. Not granted before its time, nor after it or a later tick of the job was granted. */
export interface TickOccurrence extends OccurrenceBase {
  /** The nominal time of the tick, which is the same in all replicas. Not the time at which a timer fired. */
  readonly tick: Date;
  /**
   * What happens to a tick whose holder dies while running it. `rerun`: a replica that finds another one running the tick
   * stands by, and runs the tick again if the other one dies.
   *
   * @default 'skip'
   */
  readonly onHolderDeath?: 'skip' | 'rerun' | undefined;
  /**
   * With `onHolderDeath: 'rerun'`: how many replicas may begin the tick. When that many have died in it, the tick is
   * given up, and one of the other replicas logs a warning.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Returns the first tick after a moment. With it, a replica whose clock is behind asks for the tick that is due next
   * by the store's clock, if that is within a minute, instead of a past one. While the store is away, the replica keeps
   * asking for a tick until the next one is due.
   */
  readonly following?: ((moment: Date) => Date | undefined) | undefined;
  /**
   * Asks for the tick late, in case no replica ran it when it was due; see docs/runs.md. The tick is granted if an
   * earlier tick of the job was granted, if it is closer to the present than the next one, and if it is not older than
   * `within`.
   */
  readonly missed?: MissedOccurrence | undefined;
  readonly gap?: never;
  readonly key?: never;
}

/** The limits of a tick that is asked for late. */
export interface MissedOccurrence {
  /** How old the tick may be. */
  readonly within: Duration;
  /** The tick after it. */
  readonly next: Date;
}

/**
 * A run that keeps a minimum distance from the last one. Not granted within `gap` of the last start, by the store's
 * clock.
 */
export interface GapOccurrence extends OccurrenceBase {
  /** The time from one start to the next, at least 1 ms. */
  readonly gap: Duration;
  readonly tick?: never;
  readonly key?: never;
}

/** Work that must succeed once. No longer granted when a run has succeeded. */
export interface KeyOccurrence extends OccurrenceBase {
  /** What the work does, such as the version of a migration. */
  readonly key: string;
  /**
   * How long a success is remembered, at least 1 ms.
   *
   * @default 604_800_000 (7 days)
   */
  readonly remember?: Duration | undefined;
  readonly tick?: never;
  readonly gap?: never;
}

/** Milliseconds for which a scheduled run is retried while the store is away. */
export const DEFAULT_RETRY = 60 * 60 * 1000;

const KINDS = '{ tick: Date }, { gap: duration } or { key: string }';
const DAY = 24 * 60 * 60 * 1000;
const DEFAULT_REMEMBER = 7 * DAY;
const LONGEST_MEMORY = 36_500 * DAY;

const TICK: KnownOptions<Omit<TickOccurrence, 'gap' | 'key'>> = {
  tick: true,
  job: true,
  onHolderDeath: true,
  maxAttempts: true,
  following: true,
  missed: true,
};
const MISSED: KnownOptions<MissedOccurrence> = { within: true, next: true };
const GAP: KnownOptions<Omit<GapOccurrence, 'tick' | 'key'>> = { gap: true, job: true };
const KEY: KnownOptions<Omit<KeyOccurrence, 'tick' | 'gap'>> = { key: true, job: true, remember: true };

/**
 * Returns the claim that the requests carry.
 *
 * @throws LockConfigurationError
 */
export function claimOf(occurrence: Occurrence, application?: string): Claim {
  return { ...kindOf(occurrence), application };
}

function kindOf(occurrence: Occurrence): Claim {
  if (typeof occurrence !== 'object' || occurrence === null) refuse('occurrence', KINDS, occurrence);
  const { job = '' } = occurrence;
  if (typeof job !== 'string') refuse('occurrence.job', 'a string', job);
  if (occurrence.gap !== undefined) {
    checkOptions<object>(occurrence, GAP, 'a gap occurrence');
    return { kind: 'gap', job, gap: checkMemory('occurrence.gap', occurrence.gap) };
  }
  if (occurrence.key !== undefined) {
    checkOptions<object>(occurrence, KEY, 'a key occurrence');
    const { key, remember = DEFAULT_REMEMBER } = occurrence;
    if (typeof key !== 'string') refuse('occurrence.key', 'a string', key);
    return {
      kind: 'key',
      job: JSON.stringify(job === '' ? [key] : [job, key]),
      remember: checkMemory('occurrence.remember', remember),
    };
  }
  if (occurrence.tick === undefined) refuse('occurrence', KINDS, occurrence);
  checkOptions<object>(occurrence, TICK, 'a tick occurrence');
  return tickClaim(occurrence, job);
}

function tickClaim(occurrence: TickOccurrence, job: string): Claim {
  const { tick, onHolderDeath = 'skip', maxAttempts, following, missed } = occurrence;
  const time = tick instanceof Date ? tick.getTime() : Number.NaN;
  if (Number.isNaN(time)) refuse('occurrence.tick', 'a valid Date', tick);
  checkOnHolderDeath('occurrence.onHolderDeath', onHolderDeath);
  if (following !== undefined && typeof following !== 'function')
    refuse('occurrence.following', 'a function of a Date', following);
  const rerun = onHolderDeath === 'rerun';
  if (maxAttempts !== undefined) checkMaxAttempts('occurrence.maxAttempts', maxAttempts);
  if (maxAttempts !== undefined && !rerun)
    refuse('occurrence.maxAttempts', "left out unless onHolderDeath is 'rerun'", maxAttempts);
  const claim = { kind: 'tick', job, time, rerun, maxAttempts } as const;
  return missed === undefined ? claim : { ...claim, missed: missedTick(missed, time) };
}

function missedTick(missed: MissedOccurrence, time: number): MissedTick {
  checkOptions(missed, MISSED, 'occurrence.missed');
  const { within, next } = missed;
  if (!(next instanceof Date) || !(next.getTime() > time))
    refuse('occurrence.missed.next', 'a Date after the tick', next);
  return { within: checkDuration('occurrence.missed.within', within, 1), next: next.getTime() };
}

/** Returns the claim of a run by hand. It names the job for the record; the store grants it whenever the lock is free. */
export function claimByHand({ kind, job }: JobId, now: number): Claim {
  const byHand = true;
  switch (kind) {
    case 'tick':
      return { kind, job, byHand, time: now, rerun: false };
    case 'gap':
      return { kind, job, byHand, gap: 1 };
    case 'key':
      return { kind, job, byHand, remember: 1 };
  }
}

/** Identifies a job among those of one lock. */
export type JobId = Pick<Claim, 'kind' | 'job'>;

/** The name of the job, as the occurrence gave it. */
export function jobOf(claim: JobId): string {
  return claim.kind === 'key' ? (keyAndJob(claim.job)[1] ?? '') : claim.job;
}

function keyAndJob(job: string): string[] {
  return (JSON.parse(job) as string[]).toReversed();
}

/** @throws LockConfigurationError */
export function checkOnHolderDeath(option: string, value: unknown): void {
  if (value !== 'skip' && value !== 'rerun') refuse(option, "'skip' or 'rerun'", value);
}

/** @throws LockConfigurationError */
export function checkMaxAttempts(option: string, value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 1) refuse(option, 'a whole number from 1', value);
}

/**
 * Checks how long the store has to remember something.
 *
 * @throws LockConfigurationError
 */
export function checkMemory(option: string, value: unknown): number {
  return Math.ceil(checkDuration(option, value, 1, { longest: LONGEST_MEMORY }));
}

/** The fields by which events tell what a lock was wanted for. */
export interface WantedFor {
  readonly occurrence: string | undefined;
  readonly job: string | undefined;
}

export function wantedFor(claim: Claim | undefined): WantedFor {
  return { occurrence: claim && describeClaim(claim), job: (claim && jobOf(claim)) || undefined };
}

/** Describes a run for holders and events. The same for the same run in all replicas. */
export function describeClaim(claim: Claim): string {
  const job = jobOf(claim);
  const of = job === '' ? '' : ` of ${job}`;
  if (claim.byHand) return `run by hand${of}`;
  switch (claim.kind) {
    case 'tick':
      return `tick ${new Date(claim.time).toISOString()}${of}`;
    case 'gap':
      return `gap ${claim.gap}${of}`;
    case 'key':
      return `key ${JSON.stringify(keyAndJob(claim.job)[0])}${of}`;
  }
}
