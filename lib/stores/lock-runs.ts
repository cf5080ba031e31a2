// What is run: the claims of runs, and what a store remembers of them. A part of the contract in lock-store.ts.

/**
 * One intended run, which the store grants once. Several jobs may share a lock, and each has runs of its own. An
 * interval or an initialisation is a job, too.
 */
export type Claim = TickClaim | GapClaim | KeyClaim;

interface ClaimBase {
  readonly job: string;
  /** The application that has the job. It makes no difference to the decision; a `done` reply says who made the mark. */
  readonly application?: string | undefined;
  /**
   * How many runs of the job are remembered, this one included, until 35 days after the last; absent or 0: none is
   * recorded.
   */
  readonly history?: number | undefined;
  /** The replica that runs it, for the record. Present with a history. */
  readonly replica?: string | undefined;
  /**
   * Wanted now, by hand, whatever was run before: it is recorded as the run of no tick, decides nothing about other runs,
   * and is not refused by a pause.
   */
  readonly byHand?: boolean | undefined;
}

/** One tick of a schedule. Done when it or a later one was granted. */
export interface TickClaim extends ClaimBase {
  readonly kind: 'tick';
  /** The nominal time, milliseconds since the epoch. */
  readonly time: number;
  /** Granted again as long as it was not completed: its holder may have died. */
  readonly rerun: boolean;
  /** How many times it is granted at most, if it is granted again. */
  readonly maxAttempts?: number | undefined;
  /**
   * The replica's clock when it asked, milliseconds since the epoch: the reply is `behind` if that is more than 500 ms
   * late and no tick of the job was granted yet. Absent: the tick is wanted all the same.
   */
  readonly askedAt?: number | undefined;
  /** Present if nobody may have been granted the tick when it was due; see rule 3 of {@link AcquireReply}. */
  readonly missed?: MissedTick | undefined;
}

/** A tick that is asked for late. */
export interface MissedTick {
  /** Milliseconds after the tick in which it may still be run. */
  readonly within: number;
  /** The tick after it, milliseconds since the epoch. */
  readonly next: number;
}

/** The first run in a while. Done when another was granted less than `gap` ago. */
export interface GapClaim extends ClaimBase {
  readonly kind: 'gap';
  /** Milliseconds from one grant to the next. */
  readonly gap: number;
}

/** Something that is to be run to its end once. Done when it was completed less than `remember` ago. */
export interface KeyClaim extends ClaimBase {
  readonly kind: 'key';
  /** Includes the key. */
  readonly job: string;
  /** Milliseconds for which the store remembers that it was completed. */
  readonly remember: number;
}

/** The record of runs. It is written in the same steps as grant and release, for claims that have a `history`. */
export interface LockRuns {
  /** Replies what is known of these jobs, in the order of the requests. A run whose holder has died is `abandoned`. */
  read(jobs: readonly JobRequest[], within: number): Promise<readonly JobState[]>;

  /** No run of the job is granted until the pause is over; null ends it. Survives restarts of the replicas. */
  pause(job: JobRequest, pause: JobPause | null, within: number): Promise<void>;

  /** Makes a replica known for `ttl` milliseconds from now, 0 if it leaves; `entry` is JSON in one line. */
  publish(replica: string, entry: string, ttl: number, within: number): Promise<void>;

  /** The entries of all replicas that are known now, in no order, and the store's clock, milliseconds since the epoch. */
  replicas(within: number): Promise<{ readonly entries: readonly string[]; readonly now: number }>;
}

/** Names one job. */
export interface JobRequest {
  /** The name of the lock. */
  readonly name: string;
  readonly kind: Claim['kind'];
  readonly job: string;
}

/** What is known of a job. */
export interface JobState {
  /**
   * Ticks up to this time are not granted any more, milliseconds since the epoch: the last that was granted, or 1 ms before
   * one that was released. Undefined if none is known, or the job has no ticks.
   */
  readonly lastTick: number | undefined;
  readonly pause: JobPause | undefined;
  /** The newest first, as many as the last claim had as its `history`. */
  readonly runs: readonly RunRecord[];
}

/** Why and until when a job is paused. */
export interface JobPause {
  readonly reason: string;
  readonly by: string;
  /** When it was paused, milliseconds since the epoch. */
  readonly since: number;
  /** When it ends by itself, milliseconds since the epoch; undefined: not before it is resumed. */
  readonly until?: number | undefined;
}

/** One run of a job. Times are the store's, milliseconds since the epoch. */
export interface RunRecord {
  /** The tick it was for, if the job has ticks. */
  readonly tick?: number | undefined;
  /** Who ran it: as given to the store by the claim. */
  readonly replica: string;
  /** 0 for a tick that was missed. */
  readonly fencingToken: number;
  readonly started: number;
  /** Milliseconds; undefined while it runs, and if it was abandoned or missed. */
  readonly duration?: number | undefined;
  readonly outcome: RunOutcome;
  /** The first line of the error's message, 180 bytes at most. */
  readonly error?: string | undefined;
  /** How it came to be, if not by its schedule at its time. */
  readonly by?: 'missed' | 'hand' | undefined;
}

/**
 * - `running`: it was begun, and its lease has not ended;
 * - `succeeded`, `failed`: its work returned or threw;
 * - `lost`: its work ended after the lease was lost;
 * - `abandoned`: its holder died, or never said how it ended;
 * - `missed`: nobody has run the tick, and it is too late to.
 */
export type RunOutcome = 'running' | 'succeeded' | 'failed' | 'lost' | 'abandoned' | 'missed';

/** How a run ended. */
export interface EndOfRun {
  readonly fencingToken: number;
  readonly outcome: 'succeeded' | 'failed' | 'lost';
  /** Whole milliseconds, by the steady clock of the replica; undefined: from the start to now, by the store's clock. */
  readonly duration?: number | undefined;
  readonly error?: string | undefined;
}
