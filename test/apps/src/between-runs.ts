import { createInterface } from 'node:readline';
import type { INestApplicationContext } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { ExclusiveLockService } from 'nestjs-exclusive-lock';

/**
 * On the line {"signal":"SIGKILL"} on stdin, this process sends itself that signal when it is between two runs: each of its
 * cron jobs has just run or skipped the same tick. From outside, that moment could not be met on a busy machine.
 */
export function obeySignalsBetweenRuns(app: INestApplicationContext): void {
  const jobs = app.get(SchedulerRegistry, { strict: false }).getCronJobs().size;
  const settled = new Map<string, string | undefined>();
  let wanted: NodeJS.Signals | undefined;
  createInterface({ input: process.stdin }).on('line', (line) => {
    ({ signal: wanted } = JSON.parse(line) as { signal: NodeJS.Signals });
  });
  app.get(ExclusiveLockService).events$.subscribe(({ type, name, occurrence }) => {
    if (type !== 'released' && type !== 'skipped') return;
    // 'tick 2026-11-24T03:00:00.000Z of nightly'
    settled.set(name, occurrence?.split(' of ')[0]);
    const inBetween = settled.size === jobs && new Set(settled.values()).size === 1;
    if (!wanted || !inBetween) return;
    const signal = wanted;
    wanted = undefined;
    process.kill(process.pid, signal);
  });
}
