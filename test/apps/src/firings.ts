import type { INestApplicationContext } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { tell } from './tell.js';

/**
 * Tells each time that cron fires one of the jobs, and when that was by the clock of this replica. A busy machine lets cron
 * come too late for some seconds, which it skips; whatever it fired has to be run.
 */
export function tellFirings(app: INestApplicationContext): void {
  for (const [job, cronJob] of app.get(SchedulerRegistry, { strict: false }).getCronJobs())
    cronJob.addCallback(() => tell('fired', { job, wall: Number(cronJob.lastDate()) }));
}
