import { SchedulerRegistry } from '@nestjs/schedule';
import type { TestingModule } from '@nestjs/testing';

/** The parts of cron's job that its timer uses. */
interface TimedJob {
  lastExecution: Date | null;
  fireOnTick(): unknown;
}

export const jobOf = (module: TestingModule, name?: string) => {
  const registry = module.get(SchedulerRegistry);
  const [only] = registry.getCronJobs().values();
  return name === undefined ? only : registry.getCronJob(name);
};

/** What the timer of a job does when its time has come. The test waits for the work itself. */
export function fire(job: unknown): void {
  const timed = job as TimedJob;
  timed.lastExecution = new Date();
  void timed.fireOnTick();
}
