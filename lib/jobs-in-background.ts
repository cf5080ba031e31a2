import { Inject, Injectable } from '@nestjs/common';
import { Catalogue } from './core/catalogue.js';
import { LockManager } from './core/lock-manager.js';
import { DecoratedJobs } from './decorators/decorated-jobs.js';
import type { ResolvedSettings } from './exclusive-lock.options.js';
import { MissedTicks } from './schedule/missed-ticks.js';
import type { Background } from './shutdown-order.js';
import { LOCK_MANAGER, LOCK_SETTINGS } from './tokens.js';

/** Publishes the jobs of an application and looks for missed ticks, in the background. */
@Injectable()
export class JobsInBackground implements Background {
  readonly #jobs: DecoratedJobs;
  readonly #missed: MissedTicks;
  readonly #catalogue: Catalogue | undefined;

  constructor(
    @Inject(LOCK_MANAGER) locks: LockManager,
    @Inject(DecoratedJobs) jobs: DecoratedJobs,
    @Inject(MissedTicks) missed: MissedTicks,
    @Inject(LOCK_SETTINGS) settings: ResolvedSettings,
  ) {
    this.#jobs = jobs;
    this.#missed = missed;
    const { records, replica } = locks;
    const { catalogue: isWanted, application, version, logger } = settings;
    if (!isWanted || !records.areKept) return;
    const catalogue = new Catalogue({ records, jobs, logger, replica, application, version });
    // Until then, its work may still run.
    locks.whenClosing(() => catalogue.stop());
    this.#catalogue = catalogue;
  }

  start(): void {
    this.#catalogue?.start();
    this.#missed.start(this.#jobs.caughtUp());
  }

  stop(): void {
    this.#missed.stop();
  }
}
