import type { INestApplicationContext } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { ExclusiveLockService } from 'nestjs-exclusive-lock';
import { tell } from './tell.js';

/**
 * Tells each time that cron fires a job, when that was by the clock of this replica, and each run that was skipped. A busy
 * machine lets cron come too late for some seconds, which cron skips; what it has fired must be run, unless the lock is held.
 */
export function tellFirings(app: INestApplicationContext): void {
  for (const [job, cronJob] of app.get(SchedulerRegistry, { strict: false }).getCronJobs())
    cronJob.addCallback(() => tell('fired', { job, wall: Number(cronJob.lastDate()) }));
  tellSkipped(app);
}

/** `waited` is how long ago the lock was asked for. */
export function tellSkipped(app: INestApplicationContext): void {
  app.get(ExclusiveLockService).events$.subscribe((event) => {
    if (event.type !== 'skipped') return;
    const { name, occurrence, reason, waited } = event;
    // 'tick 2026-11-24T03:00:00.000Z of nightly'
    const tick = Date.parse(occurrence?.split(' ')[1] ?? '');
    tell('skipped', { job: name, tick, reason, waited });
  });
}
