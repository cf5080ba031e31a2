import { Inject, Injectable } from '@nestjs/common';
import type { RunOptions } from '../core/lock-manager.js';
import type { Occurrence } from '../core/occurrence.js';
import { LOCK_SETTINGS } from '../tokens.js';
import type { CronMetadata, MethodRole } from './method-role.js';
import type { OccurrenceOptions } from './occurrence-options.js';
import { ScheduledTicks } from './scheduled-ticks.js';

/** One call of a decorated method. */
export interface MethodCall {
  /** `Class.method`. */
  readonly method: string;
  readonly role: MethodRole;
  readonly args: readonly unknown[];
  readonly options: OccurrenceOptions;
}

const SECOND = 1000;
const DEFAULT_STANDBY = 300 * SECOND;
/** Long enough for replicas that start together, short enough for the next restart to run it again. */
const REMEMBER_WITHOUT_VERSION = 60 * SECOND;
/** How early the timer of an interval may come by the store's clock: round trips take longer once and shorter next. */
const INTERVAL_TOLERANCE = { part: 0.05, most: 100 };

/** Tells which intended run a call of a decorated method is. */
@Injectable()
export class MethodOccurrences {
  readonly #ticks: ScheduledTicks;
  readonly #version: string | undefined;

  constructor(
    @Inject(ScheduledTicks) ticks: ScheduledTicks,
    @Inject(LOCK_SETTINGS) { version }: { readonly version: string | undefined },
  ) {
    this.#ticks = ticks;
    this.#version = version;
  }

  async of(call: MethodCall): Promise<Pick<RunOptions, 'occurrence' | 'wait'>> {
    const { method, role, options } = call;
    switch (role.kind) {
      case 'cron':
        return { occurrence: await this.#tick(role.metadata, call) };
      case 'interval':
        return { occurrence: { gap: gapOf(role.period), series: role.name ?? method } };
      case 'timeout':
        return { occurrence: this.#initialisation(role.name ?? method, options) };
      case 'start hook':
        return {
          occurrence: this.#initialisation(method, options),
          wait: options.standbyTimeout ?? DEFAULT_STANDBY,
        };
      case 'plain':
        return options.minGap === undefined ? {} : { occurrence: { gap: options.minGap, series: method } };
    }
  }

  /** Several jobs may share a lock; each has its own ticks. A name given to `@Cron` survives renames and minifiers. */
  async #tick(
    metadata: CronMetadata,
    { method, args, options }: MethodCall,
  ): Promise<Occurrence | undefined> {
    const tick = await this.#ticks.tickOf(metadata, args);
    const { onHolderDeath } = options;
    // That of the class may stand above methods which are not run again.
    const maxAttempts = onHolderDeath === 'rerun' ? options.maxAttempts : undefined;
    return tick && { ...tick, series: metadata.name ?? method, onHolderDeath, maxAttempts };
  }

  #initialisation(series: string, { version = this.#version, remember }: OccurrenceOptions): Occurrence {
    if (version !== undefined) return { key: version, series, remember };
    return { key: '', series, remember: remember ?? REMEMBER_WITHOUT_VERSION };
  }
}

function gapOf(period: number): number {
  return Math.max(1, period - Math.min(period * INTERVAL_TOLERANCE.part, INTERVAL_TOLERANCE.most));
}
