import { Inject, Injectable } from '@nestjs/common';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { BY_HAND, SCHEDULED, type MethodRunOptions } from '../core/run-options.js';
import { jobOf, type KeyOccurrence, type TickOccurrence } from '../core/occurrence.js';
import { LOCK_SETTINGS } from '../tokens.js';
import type { Outcome } from '../core/outcome.js';
import { currentFiring, firingOfNewJob, type Firing, type RunByHand } from './firing.js';
import { jobName, type MethodRole } from './method-role.js';
import type { OccurrenceOptions } from './occurrence-options.js';
import { SchedulerWatch } from './scheduler-watch.js';

/** One call of a decorated method. */
export interface MethodCall {
  /** The name of the lock. */
  readonly name: string;
  /** The name of the job; see `OccurrenceOptions.job`. */
  readonly job: string;
  readonly role: MethodRole;
  readonly options: OccurrenceOptions;
}

/** The run that a call is for. */
export interface IntendedRun {
  readonly options: Pick<MethodRunOptions, 'occurrence' | 'wait' | typeof SCHEDULED | typeof BY_HAND>;
  /** Call this when the run begins. */
  readonly begins?: () => void;
  /** Call this when the run has ended or does not begin; without an outcome if it threw. */
  readonly ends?: (outcome?: Outcome<unknown>) => void;
}

const SECOND = 1000;
const DEFAULT_STANDBY = 300 * SECOND;
/** Long enough for replicas that start together, short enough for the next restart to run it again. */
const REMEMBER_WITHOUT_VERSION = 60 * SECOND;
/** How early the timer of an interval may fire by the store's clock, because round trips differ in length. */
const INTERVAL_TOLERANCE = { part: 0.05, most: 100 };

/** Determines which run a call of a decorated method is for. */
@Injectable()
export class MethodOccurrences {
  readonly #scheduler: SchedulerWatch;
  readonly #takesTicks: boolean;
  readonly #version: string | undefined;
  readonly #logger: LockLogger;

  constructor(
    @Inject(SchedulerWatch) scheduler: SchedulerWatch,
    @Inject(LOCK_SETTINGS)
    settings: { readonly version: string | undefined; readonly ticks: boolean; readonly logger: LockLogger },
  ) {
    this.#scheduler = scheduler;
    this.#takesTicks = settings.ticks;
    this.#version = settings.version;
    this.#logger = settings.logger;
  }

  /** Undefined if this process must not run it at all. */
  async of(call: MethodCall): Promise<IntendedRun | undefined> {
    const firing = currentFiring() ?? (this.#scheduler.found ? await firingOfNewJob() : undefined);
    if (firing?.byHand) return runByHand(firing.byHand, call);
    if (firing && !this.#takesTicks) return undefined;
    const calledFor = firing?.calledFor;
    if (calledFor && 'spurious' in calledFor) {
      const job = firing.job?.name ?? call.job;
      this.#tellOnce(messages.spuriousCall(job, calledFor.spurious), firing);
      return undefined;
    }
    const run = await this.#runOf(call, firing, calledFor);
    const scheduled = firing !== undefined || call.role.kind === 'start hook';
    return scheduled ? { ...run, options: { ...run.options, [SCHEDULED]: true } } : run;
  }

  #runOf(
    call: MethodCall,
    firing: Firing | undefined,
    tick: TickOccurrence | undefined,
  ): IntendedRun | Promise<IntendedRun> {
    const { job, role, options } = call;
    switch (role.kind) {
      case 'interval':
        return { options: { occurrence: { gap: gapOf(role.ms), job } } };
      case 'timeout':
        return { options: { occurrence: initialisationOf(job, options, this.#version) } };
      case 'start hook': {
        const occurrence = initialisationOf(job, options, this.#version);
        return { options: { occurrence, wait: options.standbyTimeout ?? DEFAULT_STANDBY } };
      }
      case 'plain':
      case 'cron':
        if (options.minGap !== undefined) return { options: { occurrence: { gap: options.minGap, job } } };
        return firing && tick ? runOfTick(tick, firing, call) : { options: {} };
    }
  }

  /** Once for each firing, which may call several methods. */
  #tellOnce(message: string, firing: Firing): void {
    if (firing.hasBegun(message)) return;
    firing.begins(message);
    this.#logger.log(message);
  }
}

/** The initialisation that a start hook or a timeout is. */
export function initialisationOf(
  job: string,
  { version, remember }: OccurrenceOptions,
  moduleVersion: string | undefined,
): KeyOccurrence {
  const key = version ?? moduleVersion;
  if (key !== undefined) return { key, job, remember };
  return { key: '', job, remember: remember ?? REMEMBER_WITHOUT_VERSION };
}

/** The call may reach several methods. Only the requested one runs by hand. */
function runByHand(byHand: RunByHand, { name, job }: MethodCall): IntendedRun {
  const { job: wanted } = byHand;
  if (byHand.begun || wanted.name !== name || jobOf(wanted) !== job) return { options: {} };
  return {
    options: { [SCHEDULED]: true, [BY_HAND]: wanted, wait: 0 },
    begins: () => (byHand.begun = true),
    ends: (outcome) => (byHand.outcome = outcome),
  };
}

/** The tick of the job that fired. If the call reaches methods of several jobs, each has a claim of its own. */
async function runOfTick(tick: TickOccurrence, firing: Firing, call: MethodCall): Promise<IntendedRun> {
  const { name, job: own, role, options } = call;
  const by = firing.job?.name;
  const job = by === undefined || by === jobName(role) ? own : `${own} by ${by}`;
  const work = JSON.stringify([name, job]);
  // The replica that has the tick may call the method again for the rest of the work, even at the same time.
  const answered = await firing.turnToAsk(work);
  if (firing.hasBegun(work)) {
    answered();
    return { options: {} };
  }
  const { onHolderDeath } = options;
  // A class default may apply to methods without `rerun`.
  const maxAttempts = onHolderDeath === 'rerun' ? options.maxAttempts : undefined;
  return {
    options: { occurrence: { ...tick, job, onHolderDeath, maxAttempts } },
    begins: () => {
      firing.begins(work);
      answered();
    },
    ends: () => answered(),
  };
}

function gapOf(period: number): number {
  return Math.max(1, period - Math.min(period * INTERVAL_TOLERANCE.part, INTERVAL_TOLERANCE.most));
}
