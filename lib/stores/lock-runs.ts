// The claims of runs, and the records that a store keeps of runs. A part of the contract in lock-store.ts.

/**
 * One intended run, which the store grants once. Several jobs may share a lock, and each has runs of its own. An
 * interval or an initialisation is also a job.
 */
export type Claim = TickClaim | GapClaim | KeyClaim;

interface ClaimBase {
  readonly job: string;
  /**
   * The application that has the job. It does not affect the decision; a `done` reply names the application that made
   * the mark.
   */
  readonly application?: string | undefined;
  /**
   * How many runs of the job are recorded, including this one, until 35 days after the last; absent or 0: none.
   */
  readonly history?: number | undefined;
  /** The replica that runs it, for the record. Present if there is a history. */
  readonly replica?: string | undefined;
  /**
   * Whether it runs now by hand, whatever ran before. It is recorded without a tick, decides nothing about other runs,
   * and is not refused by a pause.
   */
  readonly byHand?: boolean | undefined;
}

/** One tick of a schedule. Done when it or a later tick was granted. */
export interface TickClaim extends ClaimBase {
  readonly kind: 'tick';
  /** The nominal time, in milliseconds since the epoch. */
  readonly time: number;
  /** Whether it is granted again if it was not completed, since its holder may have died. */
  readonly rerun: boolean;
  /** With `rerun`: how many times it is granted at most. */
  readonly maxAttempts?: number | undefined;
  /**
   * The time by the replica's clock when it sent the request, in milliseconds since the epoch. If the store's clock is
   * more than 500 ms later and no tick of the job was granted yet, the reply is `behind`. Absent: the tick is granted
   * in any case.
   */
  readonly askedAt?: number | undefined;
  /** Present if the tick may have been missed; see rule 3 of {@link AcquireReply}. */
  readonly missed?: MissedTick | undefined;
}

/** The limits of a tick that is asked for late. */
export interface MissedTick {
  /** Milliseconds for which the tick may still run after its time. */
  readonly within: number;
  /** The next tick, in milliseconds since the epoch. */
  readonly next: number;
}

/** A run that keeps a minimum distance from the last one. Done if another run was granted less than `gap` ago. */
export interface GapClaim extends ClaimBase {
  readonly kind: 'gap';
  /** Milliseconds from one grant to the next. */
  readonly gap: number;
}

/** Work that must succeed once. Done if a run was completed less than `remember` ago. */
export interface KeyClaim extends ClaimBase {
  readonly kind: 'key';
  /** The name of the job, which includes the key. */
  readonly job: string;
  /** Milliseconds for which the store remembers the completion. */
  readonly remember: number;
}

/** The record of runs. The store writes it in the same steps as grant and release, for claims that have a `history`. */
export interface LockRuns {
  /** Returns the state of these jobs, in the order of the requests. A run whose holder has died is `abandoned`. */
  read(jobs: readonly JobRequest[], within: number): Promise<readonly JobState[]>;

  /**
   * Pauses the job: no run of it is granted until the pause is over. Null ends the pause. A pause survives restarts of
   * the replicas.
   */
  pause(job: JobRequest, pause: JobPause | null, within: number): Promise<void>;

  /**
   * Keeps the entry of a replica for `ttl` milliseconds from now, or removes it if `ttl` is 0. `entry` is JSON in one
   * line.
   */
  publish(replica: string, entry: string, ttl: number, within: number): Promise<void>;

  /** Returns the entries of all replicas, in no particular order, and the store's time in milliseconds since the epoch. */
  replicas(within: number): Promise<{ readonly entries: readonly string[]; readonly now: number }>;
}

/** Names one job. */
export interface JobRequest {
  /** The name of the lock. */
  readonly name: string;
  readonly kind: Claim['kind'];
  readonly job: string;
}

/** The state of a job. */
export interface JobState {
  /**
   * Ticks up to this time are no longer granted, in milliseconds since the epoch. It is the last tick that was granted,
   * or 1 ms before a tick whose claim was released as void. Undefined if no tick is known or the job has no ticks.
   */
  readonly lastTick: number | undefined;
  readonly pause: JobPause | undefined;
  /** The last runs, the newest first. The `history` of the last claim says how many. */
  readonly runs: readonly RunRecord[];
}

/** Why and until when a job is paused. */
export interface JobPause {
  readonly reason: string;
  readonly by: string;
  /** When it was paused, in milliseconds since the epoch. */
  readonly since: number;
  /** When the pause ends by itself, in milliseconds since the epoch; undefined: it lasts until the job is resumed. */
  readonly until?: number | undefined;
}

/** One run of a job. Times are by the store's clock, in milliseconds since the epoch. */
export interface RunRecord {
  /** The tick that it ran for, if the job has ticks. */
  readonly tick?: number | undefined;
  /** The replica that ran it, as the claim names it. */
  readonly replica: string;
  /** The fencing token of the grant; 0 for a missed tick. */
  readonly fencingToken: number;
  readonly started: number;
  /** Milliseconds; undefined while it runs, and if it was abandoned or missed. */
  readonly duration?: number | undefined;
  readonly outcome: RunOutcome;
  /** The first line of the error's message, 180 bytes at most. */
  readonly error?: string | undefined;
  /** Why it ran, if not because its tick was due. */
  readonly by?: 'missed' | 'hand' | undefined;
}

/**
 * - `running`: it has begun, and its lease has not ended;
 * - `succeeded`, `failed`: its work returned or threw;
 * - `lost`: its work ended after the lease was lost;
 * - `abandoned`: its holder died, or never reported how it ended;
 * - `missed`: no replica ran the tick, and it is now too late.
 */
export type RunOutcome = 'running' | 'succeeded' | 'failed' | 'lost' | 'abandoned' | 'missed';

/** How a run ended. */
export interface EndOfRun {
  readonly fencingToken: number;
  readonly outcome: 'succeeded' | 'failed' | 'lost';
  /**
   * Whole milliseconds, by the steady clock of the replica; undefined: the store measures from the start to now by its
   * own clock.
   */
  readonly duration?: number | undefined;
  readonly error?: string | undefined;
}
